import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createReadStream, createWriteStream, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type ListenOptions } from 'node:net';
import {
  closeFD,
  type DescriptorSource,
  descriptorOf,
  newConnectedSockets,
  newEndpoint,
} from '../src/index.ts';
import { javascriptOf } from './support/javascript.ts';
import { closed, opening, ready, withConnection, withPath } from './support/node-sockets.ts';
import { startProcess } from './support/processes.ts';
import { suite } from './support/suite.ts';

const FILE = import.meta.filename;

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
      import { descriptorOf } from ${JSON.stringify(javascriptOf('src/index.ts'))};
    `;
    const node = [process.execPath, '--no-warnings'];
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
