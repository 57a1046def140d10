import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createSocket, type Socket } from '../../src/drop-in/unix-dgram.ts';
import { UnixSocket } from '../../src/index.ts';
import { isOpen } from '../support/descriptors.ts';
import { startFixture } from '../support/processes.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE } from '../support/refusals.ts';
import { settled, withFolder } from '../support/streams.ts';
import { suite } from '../support/suite.ts';

type Received = [text: string, size: number, path: string | null];

interface Sides {
  readonly server: Socket;
  readonly client: Socket;
  readonly path: string;
  readonly received: Received[];
}

async function withSides(body: (sides: Sides) => unknown): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, 'socket');
    const received: Received[] = [];
    const server = createSocket('unix_dgram', (message, { size, path }) =>
      received.push([`${message}`, size, path]),
    );
    const client = createSocket('unix_dgram');
    try {
      server.bind(path);
      await body({ server, client, path, received });
    } finally {
      for (const socket of [server, client]) if (socket.fd >= 0) socket.close();
    }
  });
}

/** Sends until the receiver is full. @returns how many were sent, and the error */
function fill(client: Socket): [number, Error & { code?: unknown }] {
  for (let sent = 0; ; sent++) {
    let failure: Error | undefined;
    client.send(Buffer.from(`${sent}`), (error) => {
      failure = error;
    });
    if (failure) return [sent, failure];
  }
}

suite('fdchannel/unix-dgram', (test) => {
  test('the example of its documentation, and every way to send', () =>
    withSides(async ({ client, path, received }) => {
      client.send(Buffer.from('foobarbaz'), 3, 4, path);
      client.sendto(Buffer.from('sendto'), 0, 6, path);
      client.send_to(Buffer.from('send_to'), 0, 7, path);
      const called: unknown[] = [];
      client.send(Buffer.from('called'), 0, 6, path, (error) => called.push(error));
      assert.equal(called.length, 1, 'at once, as documented');
      client.connect(path);
      client.send(Buffer.from('connected'));
      client.send(Buffer.from('called back'), (error) => called.push(error));
      client.send(new Uint8Array([120]), 0, 1);
      client.send(Buffer.from('.path.'), 1, 4, path, (error) => called.push(error));
      client.send(Buffer.alloc(0));
      assert.deepEqual(called, [undefined, undefined, undefined]);
      await settled(() => received.length === 9);
      const texts = ['barb', 'sendto', 'send_to', 'called', 'connected', 'called back', 'x', 'path', ''];
      assert.deepEqual(
        received,
        texts.map((text) => [text, text.length, null]),
      );
    }));

  test('a bound sender has a path', () =>
    withSides(async ({ client, path, received }) => {
      client.bind(`${path}-client`);
      client.send(Buffer.from('x'), 0, 1, path);
      await settled(() => received.length === 1);
      assert.deepEqual(received, [['x', 1, `${path}-client`]]);
      client.close();
      assert.ok(existsSync(`${path}-client`), 'its file stays, as documented');
    }));

  test('emits listening and connect before the call returns, and errors, too', () =>
    withFolder((folder) => {
      const path = join(folder, 'socket');
      const [server, client] = [createSocket('unix_dgram'), createSocket('unix_dgram')];
      const events: unknown[] = [];
      server.on('listening', () => events.push('listening'));
      client.on('connect', () => events.push(`connect ${client.connected}`));
      client.on('error', ({ code, errno, syscall }) => events.push([code, errno, syscall]));
      client.connect(path);
      server.bind(path);
      const umask = process.umask();
      assert.equal(statSync(path).mode & 0o777, 0o777 & ~umask);
      client.bind(path);
      client.connect(path);
      client.connect('x'.repeat(200));
      assert.deepEqual(events, [
        [-2, -2, 'connect'],
        'listening',
        [-98, -98, 'bind'],
        'connect true',
        [-36, -36, 'connect'],
      ]);
      server.close();
      client.close();
    }));

  test('throws out of connect where nobody listens for errors, which hot-shots catches', () =>
    withFolder((folder) => {
      const socket = createSocket('unix_dgram');
      assert.throws(() => socket.connect(join(folder, 'none')), { code: -2, syscall: 'connect' });
      socket.close();
    }));

  test('errors of a send go to the callback, or are emitted', () =>
    withSides(({ server, client, path }) => {
      const codes: unknown[] = [];
      client.on('error', ({ code, syscall }) => codes.push([code, syscall]));
      client.send(Buffer.from('x'), 0, 1, `${path}-none`);
      client.send(Buffer.from('x'), 0, 1, `${path}-none`, (error) =>
        codes.push(Reflect.get(error ?? {}, 'errno')),
      );
      client.send(Buffer.from('x'));
      client.connect(path);
      server.close();
      client.send(Buffer.from('x'), (error) => codes.push(Reflect.get(error ?? {}, 'code')));
      client.send(Buffer.alloc(1_000_000), (error) => codes.push(Reflect.get(error ?? {}, 'code')));
      assert.deepEqual(codes, [[-2, 'send'], -2, [-107, 'send'], -111, codes[4]]);
      assert.ok([-90, -111].includes(codes[4] as number));
    }));

  test('a full receiver: congestion to the callback or as an event, then writable, once', () =>
    withSides(async ({ server, client, path }) => {
      server.close();
      const full = UnixSocket.bind(`${path}-full`, { type: 'dgram' });
      client.connect(`${path}-full`);
      const events: string[] = [];
      client.on('congestion', (buffer) => events.push(`congestion ${buffer}`));
      client.on('writable', () => events.push('writable'));
      const [sent, error] = fill(client);
      assert.ok(sent > 0);
      assert.deepEqual([error.message, error.code], ['congestion', 1]);
      client.send(Buffer.from('again'));
      for (let i = 0; i < 20; i++) await turn();
      assert.deepEqual(events, ['congestion again']);
      while (full.tryRecvMessage());
      await settled(() => events.length === 2);
      assert.deepEqual(events, ['congestion again', 'writable']);
      fill(client);
      while (full.tryRecvMessage());
      await once(client, 'writable');
      fill(client);
      client.close();
      full.destroy();
      for (let i = 0; i < 20; i++) await turn();
      assert.equal(events.length, 3, 'nothing behind close');
    }));

  test('a full receiver of a socket that is not connected: EAGAIN', () =>
    withSides(({ server, client, path }) => {
      server.close();
      const full = UnixSocket.bind(`${path}-full`, { type: 'dgram' });
      let code: unknown;
      while (code === undefined) {
        client.send(Buffer.from('x'), 0, 1, `${path}-full`, (error) => {
          code = error && Reflect.get(error, 'code');
        });
      }
      assert.equal(code, -11);
      full.destroy();
    }));

  test('close in a handler and in a callback, and twice', () =>
    withSides(async ({ server, client, path, received }) => {
      server.on('message', () => server.close());
      client.connect(path);
      client.send(Buffer.from('one'));
      client.send(Buffer.from('two'), () => client.close());
      assert.equal(client.fd, -1);
      await settled(() => server.fd === -1);
      await turn();
      assert.equal(received.length, 1);
      for (const socket of [server, client])
        assert.throws(() => socket.close(), { code: -9, syscall: 'close' });
      const codes: unknown[] = [];
      client.on('error', ({ code, syscall }) => codes.push([code, syscall]));
      client.send(Buffer.from('x'));
      client.connect(path);
      client.bind(path);
      assert.deepEqual(codes, [
        [-9, 'send'],
        [-9, 'connect'],
        [-9, 'bind'],
      ]);
    }));

  test('a listener that throws is an uncaught exception, and the next message comes', async () => {
    const { code, stdout, stderr } = await startFixture('unix-dgram-throws.ts').exit;
    assert.deepEqual(
      { code, stdout, stderr },
      { code: 0, stdout: 'uncaughtException first\nsecond\n', stderr: '' },
    );
  });

  test('long messages arrive whole, and what is longer than anybody sends is an error', () =>
    withSides(async ({ server, client, path, received }) => {
      client.connect(path);
      client.send(Buffer.alloc(200_000, 'x'));
      await settled(() => received.length === 1);
      assert.equal(received[0]?.[1], 200_000);
      assert.ok(isOpen(server.fd));
    }));

  test('descriptors that somebody sends are not kept', () =>
    withSides(async ({ path, received }) => {
      const sender = UnixSocket.connect(path, { type: 'dgram' });
      sender.sendMessage('x', [0, 1]);
      await settled(() => received.length === 1);
      sender.destroy();
    }));

  test('bad arguments', () =>
    withSides(({ client, path }) => {
      for (const bad of [undefined, null, 'text', 5])
        assertRefused(() => client.send(bad as never), BAD_TYPE);
      const bytes = Buffer.from('abc');
      for (const [offset, length] of [
        [-1, 1],
        [4, 0],
        [1, 3],
        [0, 0.5],
      ] as const) {
        assertRefused(() => client.send(bytes, offset, length, path), BAD_RANGE);
      }
      assert.throws(() => createSocket('unix_stream' as never), /Unsupported socket type: unix_stream/);
    }));

  test('udp4 is node:dgram’s', async () => {
    const socket = createSocket('udp4');
    socket.close();
    await once(socket, 'close');
  });
});
