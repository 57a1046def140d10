import assert from 'node:assert/strict';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import {
  connect,
  createServer,
  type ListenOptions,
  type NetConnectOpts,
  type Server,
  Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  closeFD,
  type DescriptorSource,
  descriptorOf,
  newConnectedSockets,
  newEndpoint,
} from '../src/index.ts';
import { isOpen, openDescriptors } from './support/descriptors.ts';
import { startProcess } from './support/processes.ts';
import { suite } from './support/suite.ts';
import { LOADER } from './support/typescript.ts';

const FILE = import.meta.filename;

/** What `make` made, and the one descriptor that it opened. */
async function opening<T>(make: () => T | Promise<T>): Promise<[made: T, fd: number]> {
  const before = openDescriptors();
  const made = await make();
  const opened = [...openDescriptors().keys()].filter((fd) => !before.has(fd));
  assert.equal(opened.length, 1, `it opened ${opened.join(', ')}`);
  return [made, opened[0] as number];
}

async function ready<T extends NodeJS.EventEmitter>(emitter: T, event: string): Promise<T> {
  await once(emitter, event);
  return emitter;
}

async function closed(object: Server | Socket | DatagramSocket): Promise<void> {
  const done = once(object, 'close');
  if (object instanceof Socket) object.destroy();
  else object.close();
  await done;
}

/** Runs `body` with a path at which nothing is. */
async function withPath(body: (path: string) => unknown): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  try {
    await body(join(folder, 'socket'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs `body` with the two ends of a connection, of which nothing was read. */
async function withConnection(
  listen: ListenOptions,
  body: (client: Socket, accepted: Socket) => unknown,
): Promise<void> {
  const server = createServer({ pauseOnConnect: true }).listen(listen);
  await once(server, 'listening');
  const address = server.address();
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const where = typeof address === 'string' ? { path: address } : address;
  const client = await ready(connect(where as NetConnectOpts), 'connect');
  const [accepted] = await accepting;
  try {
    await body(client, accepted);
  } finally {
    await Promise.all([closed(client), closed(accepted), closed(server)]);
  }
}

suite('the descriptor of', (test) => {
  for (const fd of [0, 3, 2 ** 31 - 1]) {
    test(`the number ${fd}, and of an object with that fd`, () => {
      assert.equal(descriptorOf(fd), fd);
      assert.equal(descriptorOf({ fd }), fd);
    });
  }

  test('a FileHandle', async () => {
    const [handle, fd] = await opening(() => open(FILE));
    assert.equal(descriptorOf(handle), fd);
    await handle.close();
  });

  test('an open stream of fs', async () => {
    for (const create of [() => createReadStream(FILE), () => createWriteStream('/dev/null')]) {
      const [stream, fd] = await opening(() => ready<NodeJS.EventEmitter>(create(), 'open'));
      assert.equal(descriptorOf(stream as unknown as DescriptorSource), fd);
      (stream as ReturnType<typeof create>).destroy();
      await once(stream, 'close');
    }
  });

  test('an Endpoint', () => {
    const [a, b] = newConnectedSockets();
    const endpoint = newEndpoint(a);
    assert.equal(descriptorOf(endpoint), a);
    endpoint.destroy();
    closeFD(b);
  });

  const listens = {
    TCP: (body: (listen: ListenOptions) => unknown) => body({ port: 0, host: '127.0.0.1' }),
    Unix: (body: (listen: ListenOptions) => unknown) => withPath((path) => body({ path })),
  };
  for (const [family, withListen] of Object.entries(listens)) {
    test(`a connected net.Socket, ${family}`, async () => {
      await withListen((listen) =>
        withConnection(listen, async (client, accepted) => {
          const [fd, other] = [descriptorOf(client), descriptorOf(accepted)];
          assert.notEqual(fd, other);
          writeSync(fd, 'through the client');
          accepted.resume();
          assert.equal(`${await once(accepted, 'data')}`, 'through the client');
          writeSync(other, 'through the server');
          assert.equal(`${await once(client, 'data')}`, 'through the server');
        }),
      );
    });

    test(`a net.Server, ${family}`, async () => {
      await withListen(async (listen) => {
        const [server, fd] = await opening(() => ready(createServer().listen(listen), 'listening'));
        assert.equal(descriptorOf(server), fd);
        await closed(server);
      });
    });
  }

  test('a dgram.Socket', async () => {
    const [socket, fd] = await opening(() => {
      const socket = createSocket('udp4').bind(0, '127.0.0.1');
      return ready(socket, 'listening');
    });
    assert.equal(descriptorOf(socket), fd);
    await closed(socket);
  });

  const inChild = async (script: string, command = 'exec "$@"') => {
    const imports = `
      import { once } from 'node:events';
      import { descriptorOf } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    `;
    const node = [process.execPath, '--no-warnings', ...LOADER];
    const args = ['-c', command, 'sh', ...node, '--input-type=module', '--eval', imports + script];
    const { code, stdout, stderr } = await startProcess('sh', args).exit;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    return stdout;
  };

  test('a socket prints no warning', async () => {
    const said = await inChild(`
      import { createSocket } from 'node:dgram';
      import { createServer } from 'node:net';
      import { setImmediate as turn } from 'node:timers/promises';
      process.on('warning', ({ code }) => console.log('warning', code));
      const datagram = createSocket('udp4').bind(0, '127.0.0.1');
      const server = createServer().listen(0, '127.0.0.1');
      await Promise.all([once(datagram, 'listening'), once(server, 'listening')]);
      for (const socket of [datagram, server]) console.log(typeof descriptorOf(socket));
      await turn();
      console.log('what would have warned:');
      if (datagram._handle === undefined) console.log('nothing, as this Node has it no more');
      await turn();
      datagram.close();
      server.close();
    `);
    assert.match(
      said,
      /^number\nnumber\nwhat would have warned:\n(warning DEP0112|nothing, as this Node has it no more)\n$/,
    );
  });

  for (const [stdin, command] of [
    ['a pipe', 'exec "$@"'],
    ['a file', 'exec "$@" < /dev/null'],
    ['a pipe of the shell', ': | "$@"'],
  ] as const) {
    test(`process.stdin, ${stdin}`, async () => {
      const said = await inChild(
        'console.log(descriptorOf(process.stdin)); process.stdin.destroy();',
        command,
      );
      assert.equal(said, '0\n');
    });
  }
});

const INTEGER = 'a descriptor (an integer from 0 to 2147483647)';
const OBJECT = `${INTEGER}, or an open object that has one`;

const notInRange = [-1, 1.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31)];

const notADescriptor: readonly [value: unknown, got: string][] = [
  ['3', "the string '3'"],
  ['', "the string ''"],
  [null, 'null'],
  [undefined, 'undefined'],
  [3n, '3n'],
  [true, 'true'],
  [Symbol('3'), 'Symbol(3)'],
  [() => 3, 'a function'],
  [{}, 'an object of Object'],
  [[3], 'an object of Array'],
  [{ fd: '3' }, 'an object of Object'],
  [{ fd: null }, 'an object of Object'],
  [{ fd: 3n }, 'an object of Object'],
  [{ _handle: null }, 'an object of Object'],
  [Object.create(null), 'an object of no class'],
];

const typeError = (name: string, expected: string, got: string) => ({
  name: 'TypeError',
  code: 'ERR_INVALID_ARG_TYPE',
  message: `"${name}": expected ${expected}, got ${got}`,
});
const rangeError = (name: string, got: number) => ({
  name: 'RangeError',
  code: 'ERR_OUT_OF_RANGE',
  message: `"${name}": expected ${INTEGER}, got ${got}`,
});

/** Refused with the class, not only with its name. */
function refuses(call: () => unknown, expected: { name: string; code: string; message: string }): void {
  assert.throws(call, expected.name === 'RangeError' ? RangeError : TypeError);
  assert.throws(call, expected);
}

suite('no descriptor has', (test) => {
  for (const fd of notInRange) {
    test(`the number ${fd}`, () => {
      refuses(() => descriptorOf(fd), rangeError('source', fd));
      refuses(() => descriptorOf({ fd }), rangeError('source.fd', fd));
      refuses(() => closeFD(fd), rangeError('fd', fd));
      refuses(() => newEndpoint(fd), rangeError('sockfd', fd));
    });
  }

  for (const [index, [value, got]] of notADescriptor.entries()) {
    test(`what is no number: ${got} (${index})`, () => {
      const wrong = value as number;
      refuses(() => descriptorOf(wrong), typeError('source', OBJECT, got));
      refuses(() => closeFD(wrong), typeError('fd', INTEGER, got));
      refuses(() => newEndpoint(wrong), typeError('sockfd', INTEGER, got));
    });
  }

  test('an object, for what wants a number', () => {
    const fd = openSync(FILE, 'r');
    const got =
      'an object of Object, which owns its descriptor: give the number of one that nothing else owns';
    refuses(() => closeFD({ fd } as unknown as number), typeError('fd', INTEGER, got));
    assert.ok(isOpen(fd));
    closeSync(fd);
  });

  test('a closed FileHandle', async () => {
    const handle: FileHandle = await open(FILE);
    await handle.close();
    refuses(() => descriptorOf(handle), rangeError('source.fd', -1));
  });

  test('a stream of fs that is not open, or not any more', async () => {
    const stream = createReadStream(FILE);
    const source = stream as unknown as DescriptorSource;
    const expected = typeError('source', OBJECT, 'an object of ReadStream');
    refuses(() => descriptorOf(source), expected);
    await once(stream, 'open');
    stream.destroy();
    await once(stream, 'close');
    refuses(() => descriptorOf(source), expected);
  });

  test('a net.Socket that is not connected, or destroyed', async () => {
    const expected = typeError('source', OBJECT, 'an object of Socket');
    refuses(() => descriptorOf(new Socket()), expected);
    await withConnection({ port: 0, host: '127.0.0.1' }, async (client) => {
      client.destroy();
      refuses(() => descriptorOf(client), expected);
    });
  });

  test('a net.Server that does not listen, or not any more', async () => {
    const expected = typeError('source', OBJECT, 'an object of Server');
    const server = createServer();
    refuses(() => descriptorOf(server), expected);
    await closed(await ready(server.listen(0, '127.0.0.1'), 'listening'));
    refuses(() => descriptorOf(server), expected);
  });

  test('a dgram.Socket that is not bound, or closed', async () => {
    const socket = createSocket('udp4');
    assert.throws(() => descriptorOf(socket), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    await closed(socket);
    refuses(() => descriptorOf(socket), typeError('source', OBJECT, 'an object of Socket'));
  });

  test('a destroyed Endpoint', () => {
    const [a, b] = newConnectedSockets();
    const endpoint = newEndpoint(a);
    endpoint.destroy();
    closeFD(b);
    refuses(() => descriptorOf(endpoint), rangeError('source.fd', -1));
  });

  test('a detached Endpoint', () => {
    const [a, b] = newConnectedSockets();
    const endpoint = newEndpoint(a);
    assert.equal(endpoint.detach(), a);
    for (const fd of [a, b]) closeFD(fd);
    refuses(() => descriptorOf(endpoint), rangeError('source.fd', -1));
  });
});
