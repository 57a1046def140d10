import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, existsSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { UServer, USocket } from '../../src/drop-in/usocket.ts';
import { closeFD, UnixSocket } from '../../src/index.ts';
import { changes, isOpen, openDescriptors, sameFile } from '../support/descriptors.ts';
import { temporaryFile } from '../support/files.ts';
import { settled, withFolder } from '../support/streams.ts';
import { suite } from '../support/suite.ts';

type Body = (sides: { client: USocket; connection: USocket; server: UServer; path: string }) => unknown;

/** A server, all of whose connections are destroyed afterwards. */
async function listening(path: string, body: (server: UServer) => unknown): Promise<void> {
  const server = new UServer();
  const connections: USocket[] = [];
  server.on('connection', (connection: USocket) => connections.push(connection));
  server.listen(path);
  await once(server, 'listening');
  try {
    await body(server);
    // What has connected is accepted in the next turns.
    for (let i = 0; i < 5; i++) await turn();
  } finally {
    for (const connection of connections) connection.destroy();
    server.close();
  }
}

/** A client and its connection, as users have them. */
async function connected(body: Body): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, 'socket');
    await listening(path, async (server) => {
      const client = new USocket(path);
      const accepted = once(server, 'connection');
      await once(client, 'connected');
      const [connection] = (await accepted) as [USocket];
      try {
        await body({ client, connection, server, path });
      } finally {
        client.destroy();
      }
    });
  });
}

/** Reads until there is what was asked for. */
async function read(
  socket: USocket,
  size: number | null,
  count: number | null,
): Promise<{ data: Buffer | null; fds: number[] }> {
  return await new Promise((resolve) => {
    const look = (): void => {
      const message = socket.read(size, count);
      if (!message) return;
      socket.off('readable', look);
      resolve(message);
    };
    socket.on('readable', look);
    look();
  });
}

function contentOf(fd: number): string {
  const bytes = Buffer.alloc(100);
  const length = readSync(fd, bytes, 0, 100, 0);
  closeFD(fd);
  return bytes.toString('utf8', 0, length);
}

suite('fdchannel/usocket', (test) => {
  test('the example of its documentation', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'socket');
      const file = temporaryFile('content');
      const server = new UServer();
      const client = new USocket();
      const sent = new Promise<void>((resolve) => {
        server.on('connection', (connection: USocket) =>
          connection.end({
            data: Buffer.from('message'),
            fds: [file],
            callback: () => {
              closeSync(file);
              resolve();
            },
          }),
        );
      });
      server.listen(path, () => client.connect(path));
      client.on('connected', () => client.read(0));
      const content = new Promise((resolve) => {
        client.on('readable', () => {
          const message = client.read(7, 1);
          if (!message) return;
          resolve([`${message.data}`, contentOf(message.fds[0])]);
          server.close();
          client.end();
        });
      });
      assert.deepEqual(await content, ['message', 'content']);
      await sent;
      await once(client, 'close');
    }));

  test('connects by a path, an object, its own call, and an abstract name', () =>
    withFolder(async (folder) => {
      for (const path of [join(folder, 'socket'), `\0${folder}`]) {
        await listening(path, async (server) => {
          assert.ok(server.listening && isOpen(server.fd ?? -1));
          const unconnected = new USocket();
          assert.equal(unconnected.fd, undefined);
          const calls: string[] = [];
          const sockets = [
            new USocket(path, () => calls.push('string')),
            new USocket({ path }, () => calls.push('object')),
            unconnected,
          ];
          unconnected.connect({ path }, () => calls.push('connect'));
          assert.throws(() => unconnected.connect(path), /already connected/);
          await Promise.all(sockets.map((socket) => once(socket, 'connected')));
          assert.deepEqual(calls.sort(), ['connect', 'object', 'string']);
          for (const socket of sockets) {
            assert.ok(isOpen(socket.fd ?? -1));
            socket.destroy();
          }
        });
      }
      assert.throws(() => new USocket().connect({} as never), /expects string path/);
    }));

  test('emits connected, and not connect, on which others would begin a second time', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'socket');
      await listening(path, async () => {
        const client = new USocket({ path });
        const events: string[] = [];
        for (const event of ['connect', 'connected', 'ready']) client.on(event, () => events.push(event));
        await once(client, 'connected');
        await turn();
        assert.deepEqual(events, ['connected']);
        client.destroy();
      });
    }));

  test('after an error of connect the same object connects again', () =>
    connected(async ({ path }) => {
      const client = new USocket();
      const events: unknown[] = [];
      for (const event of ['error', 'close']) {
        client.on(event, ({ code }) => events.push(event === 'close' ? `close ${code}` : code));
      }
      for (const target of [{ path: `${path}-none` }, { fd: -1 }, { fd: 2 ** 31 - 1 }]) {
        const seen = events.length;
        client.connect(target);
        await settled(() => events.length === seen + 2);
      }
      client.connect(path);
      await once(client, 'connected');
      assert.deepEqual(
        events,
        ['ENOENT', 'ERR_OUT_OF_RANGE', 'EBADF'].flatMap((code) => [code, `close ${code}`]),
      );
      client.destroy();
    }));

  test('writes text, buffers, descriptors and all of it, and keeps their order', () =>
    connected(async ({ client, connection }) => {
      const files = ['a', 'b', 'c'].map((content) => temporaryFile(content));
      const called: string[] = [];
      client.write('text, ');
      client.write(Buffer.from('bytes, '), () => called.push('write'));
      client.write({
        data: Buffer.from('with a, '),
        fds: [files[0] as number],
        callback: () => called.push('a'),
      });
      client.write({ data: Buffer.from('object, '), callback: () => called.push('object') });
      client.write([files[1] as number]);
      client.write({ fds: [files[2] as number], callback: () => called.push('c') });
      await turn();
      assert.ok(!called.includes('c'), 'no byte has followed yet');
      client.end('end', 'utf8', () => called.push('end'));
      for (const file of files) closeSync(file);
      const all = 'text, bytes, with a, object, end';
      const { data, fds } = await read(connection, all.length, 3);
      assert.equal(`${data}`, all);
      assert.deepEqual(fds.map(contentOf), ['a', 'b', 'c']);
      await settled(() => called.includes('end'));
      assert.deepEqual(called, ['write', 'a', 'object', 'c', 'end']);
    }));

  test('reads with a number of descriptors, with null for all, with none, and puts back', () =>
    connected(async ({ client, connection }) => {
      const files = ['a', 'b', 'c'].map((content) => temporaryFile(content));
      client.write({ data: 'one' as never, fds: files.slice(0, 1) });
      client.write({ data: 'two' as never, fds: files.slice(1) });
      connection.read(0);
      await settled(() => connection.readableLength === 6);
      assert.equal(connection.read(100, 1), null, 'not so much data');
      assert.equal(connection.read(3, 4), null, 'not so many descriptors');
      const first = connection.read(3, 0);
      assert.deepEqual([`${first.data}`, first.fds], ['one', []]);
      const second = connection.read(2, 1);
      assert.equal(`${second.data}`, 'tw');
      connection.unshift(second.data, second.fds);
      const { data, fds } = connection.read(null, null);
      assert.equal(`${data}`, 'two');
      assert.deepEqual(fds.map(contentOf), ['a', 'b', 'c']);
      assert.deepEqual(connection.read(null, null), { data: null, fds: [] });
      for (const file of files) closeSync(file);
    }));

  test('a reader that waits for descriptors is told when they come', () =>
    connected(async ({ client, connection }) => {
      const file = temporaryFile('late');
      client.write('data');
      const reading = read(connection, 4, 1);
      await settled(() => connection.readableLength === 4);
      assert.equal(connection.read(4, 1), null);
      client.write({ data: 'more' as never, fds: [file] });
      closeSync(file);
      const { data, fds } = await reading;
      assert.equal(`${data}`, 'data');
      assert.deepEqual(fds.map(contentOf), ['late']);
    }));

  test('fds tells of descriptors, before the data, and their listener owns them', () =>
    connected(async ({ client, connection }) => {
      const file = temporaryFile('x');
      const log: string[] = [];
      connection.on('fds', (fds: number[]) => log.push(`fds ${fds.map(contentOf)}`));
      connection.on('data', (data) => log.push(`${data}`));
      client.write({ data: 'data' as never, fds: [file] });
      closeSync(file);
      await settled(() => log.length === 2);
      assert.deepEqual(log, ['fds x', 'data']);
    }));

  test('a megabyte and end arrive whole', () =>
    connected(async ({ client, connection }) => {
      client.end(Buffer.alloc(1_000_000, 'x'));
      let length = 0;
      connection.on('data', (data) => {
        length += data.length;
      });
      await once(connection, 'end');
      assert.equal(length, 1_000_000);
    }));

  test('65 descriptors, and 253, arrive whole', () =>
    connected(async ({ client, connection }) => {
      const file = temporaryFile();
      for (const count of [65, 253]) {
        client.write({ data: 'x' as never, fds: new Array(count).fill(file) });
        const { fds } = await read(connection, 1, count);
        assert.ok(fds.length === count && fds.every((fd) => sameFile(fd, file)));
        fds.forEach(closeFD);
      }
      closeSync(file);
    }));

  test('both ends ended: close, once, without an error', () =>
    connected(async ({ client, connection }) => {
      const closes: unknown[][] = [];
      for (const socket of [client, connection]) socket.on('close', (...args) => closes.push(args));
      client.end('question');
      assert.equal(`${(await read(connection, 8, 0)).data}`, 'question');
      await once(connection.resume(), 'end');
      assert.deepEqual(closes, [], 'half-open');
      connection.end('answer');
      client.resume();
      await settled(() => closes.length === 2);
      await turn();
      assert.deepEqual(closes, [[], []]);
    }));

  test('allowHalfOpen: false ends with the peer', () =>
    connected(async ({ connection, path }) => {
      const client = new USocket({ path, allowHalfOpen: false });
      await once(client, 'connected');
      client.destroy();
      connection.resume();
      const [a, b] = UnixSocket.pair('stream');
      const socket = new USocket({ fd: a.detach(), allowHalfOpen: false });
      b.shutdown('write');
      socket.resume();
      await once(socket, 'close');
      assert.equal(b.recvMessage(), null);
      b.destroy();
    }));

  test('destroy closes everything, and emits nothing', () =>
    connected(async ({ client, connection, path }) => {
      const file = temporaryFile();
      client.write({ data: 'x' as never, fds: [file, file] });
      await read(connection, null, 1).then(({ fds }) => fds.forEach(closeFD));
      const events: string[] = [];
      for (const event of ['close', 'error', 'end']) connection.on(event, () => events.push(event));
      connection.destroy();
      assert.equal(connection.fd, undefined);
      client.on('error', () => {});
      client.write({ data: Buffer.alloc(1_000_000), fds: [file] });
      client.write([file]);
      client.destroy();
      const connecting = new USocket(path);
      connecting.on('connected', () => events.push('connected'));
      connecting.write({ data: 'x' as never, fds: [file] });
      connecting.destroy();
      for (let i = 0; i < 20; i++) await turn();
      assert.deepEqual(events, []);
      closeSync(file);
    }));

  test('an error is followed by close', () =>
    connected(async ({ client, connection }) => {
      const events: unknown[] = [];
      for (const event of ['error', 'close']) client.on(event, ({ code }) => events.push(code));
      connection.destroy();
      await turn();
      client.write('x');
      await settled(() => events.length === 2);
      assert.deepEqual(events, ['EPIPE', 'EPIPE']);
    }));

  test('bad writes are errors, and leave nothing open', async () => {
    const before = openDescriptors();
    for (const [bad, text] of [
      [{ data: 5 }, /data needs to be a buffer/],
      [{ fds: 5 }, /fds needs to be an array/],
      [{ data: 'x', callback: 5 }, /callback needs to be a function/],
      [{}, /needs a data or array/],
      [5, /needs a data or array/],
      [{ data: 'x', fds: [0, 2 ** 31 - 1] }, /EBADF/],
    ] as const) {
      const [a, b] = UnixSocket.pair('stream');
      const socket = new USocket({ fd: a.detach() });
      const failed = new Promise<Error>((resolve) => socket.write(bad, (error) => resolve(error as Error)));
      const [error] = await once(socket, 'error');
      assert.match(error.message, text);
      assert.equal(await failed, error);
      b.destroy();
    }
    const unconnected = new USocket();
    unconnected.write('x');
    assert.match((await once(unconnected, 'error'))[0].message, /not connected/);
    assert.deepEqual(changes(before, openDescriptors()), []);
  });

  test('descriptors that no data follows are an error of end', () =>
    connected(async ({ client }) => {
      const file = temporaryFile();
      const called = new Promise((resolve) => client.write({ fds: [file], callback: resolve }));
      closeSync(file);
      client.end();
      assert.match((await once(client, 'error'))[0].message, /no data followed/);
      assert.ok((await called) instanceof Error);
    }));

  test('a server: options, pause and resume, an old socket, a file that is none, a second listen', () =>
    withFolder(async (folder) => {
      const path = join(folder, 'socket');
      const server = new UServer();
      let called = 0;
      server.listen({ path, backlog: 5 }, () => called++);
      await once(server, 'listening');
      assert.throws(() => server.listen(path), /already listened/);
      const connections: USocket[] = [];
      server.on('connection', (one) => connections.push(one));
      server.pause();
      const client = new USocket(path);
      await once(client, 'connected');
      for (let i = 0; i < 20; i++) await turn();
      assert.deepEqual([connections.length, server.paused], [0, true]);
      server.resume();
      await once(server, 'connection');
      server.pause();
      server.resume();
      const next = new USocket(path);
      await once(server, 'connection');
      for (const socket of [client, next, ...connections]) socket.destroy();
      server.close();
      server.close();
      assert.equal(called, 1);

      const left = new UServer();
      left.listen(path);
      await once(left, 'listening');
      server.listen(path);
      await once(server, 'listening');
      left.close();
      assert.ok(existsSync(path), 'it is the other server’s now');
      server.close();
      assert.ok(!existsSync(path));

      writeFileSync(path, 'not a socket');
      server.listen(path);
      assert.equal((await once(server, 'error'))[0].code, 'EADDRINUSE');
      assert.throws(() => server.listen(5 as never), /valid path/);
    }));
});
