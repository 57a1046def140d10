import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import {
  closeFD,
  type DescriptorSource,
  Endpoint,
  newEndpoint,
  UnixListener,
  UnixSocket,
} from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { isOpen, sameFile } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { javascriptOf } from '../support/javascript.ts';
import { startProcess } from '../support/processes.ts';
import { setNonblocking, statusFlags } from '../support/raw.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE, NO_DESCRIPTORS, type Refusal } from '../support/refusals.ts';
import { assertMessage, CONNECTED, TYPES, withFolder, withPair } from '../support/sockets.ts';
import { skip, suite } from '../support/suite.ts';

const { O_NONBLOCK } = constants;

for (const type of TYPES) {
  suite(`the life of a socket, ${type}`, (test) => {
    test('a pair: its type, its descriptors, close-on-exec and blocking', () =>
      withPair(type, (a, b) => {
        assert.ok(a.fd >= 0 && b.fd >= 0 && a.fd !== b.fd);
        for (const { fd, type: own } of [a, b]) {
          assert.equal(own, type);
          assert.equal(statusFlags(fd) & O_NONBLOCK, 0);
          assert.equal(libc().raw.fcntl(fd, libc().abi.F_GETFD, 0), 1);
        }
      }));

    test('it is adopted by number, and knows its type', () =>
      withPair(type, (a, b) => {
        const adopted = new UnixSocket(a.detach());
        assert.equal(adopted.type, type);
        adopted.sendMessage('x', [0]);
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x', files: [0] });
        adopted.destroy();
      }));

    test('destroy closes it, and a second time nothing', () =>
      withPair(type, (a) => {
        const { fd } = a;
        a.destroy();
        assert.ok(!isOpen(fd));
        const file = temporaryFile();
        a.destroy();
        a[Symbol.dispose]();
        assert.ok(isOpen(file), 'the number may be used again');
        libc().close(file);
      }));

    test('a non-blocking socket blocks all the same, and keeps its flag', () =>
      withPair(type, (a, b) => {
        setNonblocking(a.fd);
        setNonblocking(b.fd);
        assert.throws(() => b.recvMessage({ timeout: 5 }), { code: 'ETIMEDOUT', syscall: 'recvmsg' });
        setTimeout(() => {}, 0);
        a.sendMessage('x');
        assertMessage(b.recvMessage(), { data: 'x' });
        assert.notEqual(statusFlags(b.fd) & O_NONBLOCK, 0);
      }));

    test('it is printed as what it is', () =>
      withPair(type, (a) => {
        const { fd } = a;
        assert.equal(inspect(a), `UnixSocket { fd: ${fd}, type: '${type}', state: 'open' }`);
        a.destroy();
        assert.equal(inspect(a), `UnixSocket { fd: -1, type: '${type}', state: 'destroyed' }`);
      }));

    test("it is a source of descriptors, and another's can be sent over it", () =>
      withPair(type, async (a, b) =>
        withPair('stream', (inner, peer) => {
          a.sendMessage('x', [inner as DescriptorSource]);
          const message = b.recvMessage(WITHIN_SECONDS);
          const received = new UnixSocket(message?.fds.shift() as number);
          peer.sendMessage('through the copy');
          assertMessage(received.recvMessage(WITHIN_SECONDS), { data: 'through the copy' });
          received.destroy();
        }),
      ));

    test('ref and unref return it, and a child ends although something waits', async () =>
      withPair(type, async (a) => {
        assert.equal(a.ref().unref().ref(), a);
        const script = `
          import { UnixSocket } from ${JSON.stringify(javascriptOf('src/index.ts'))};
          const [a, b] = UnixSocket.pair('${type}');
          void a.recvMessageAsync();
          a.unref();
          globalThis.kept = b;
        `;
        const { code, stderr } = await startProcess(process.execPath, [
          ...['--input-type=module', '--eval', script],
        ]).exit;
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      }));

    test('credentials: this process, as long as it lives and after the peer is gone', () =>
      withPair(type, (a, b) => {
        const own = {
          pid: process.pid,
          uid: process.getuid?.() as number,
          gid: process.getgid?.() as number,
        };
        assert.deepEqual(a.peerCredentials(), own);
        b.destroy();
        assert.deepEqual(a.peerCredentials(), own);
      }));

    test('refuseDescriptors: the peer is told EPERM, its data alone arrives, and the other way is free', () =>
      withPair(type, async (a, b) => {
        try {
          b.refuseDescriptors();
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ERR_FDCHANNEL_UNSUPPORTED_PLATFORM')
            skip(`${error}`);
          throw error;
        }
        b.refuseDescriptors();
        const refusal = { name: 'SyscallError', code: 'EPERM', syscall: 'sendmsg' };
        assert.throws(() => a.sendMessage('x', [0]), refusal);
        assert.throws(() => a.trySendMessage('x', [0]), refusal);
        await assert.rejects(a.sendMessageAsync('x', [0]), refusal);
        a.sendMessage('only data');
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'only data' });
        b.sendMessage('back', [0]);
        assertMessage(a.recvMessage(WITHIN_SECONDS), { data: 'back', files: [0] });
      }));
  });
}

suite('what a socket may be made of', (test) => {
  test('what is no descriptor is refused', () => {
    for (const [value, refusal] of NO_DESCRIPTORS)
      assertRefused(() => new UnixSocket(value as number), refusal);
    assertRefused(() => new UnixSocket(2 ** 31 - 1), [Error, 'EBADF']);
  });

  test('a file is ENOTSOCK, and stays open', () =>
    withDescriptors([temporaryFile()], (file = -1) => {
      assertRefused(() => new UnixSocket(file), [Error, 'ENOTSOCK']);
    }));

  test('another object keeps its socket', () =>
    withPair('stream', (a, b) => {
      assertRefused(() => new UnixSocket(a as never), BAD_TYPE);
      a.sendMessage('x');
      assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x' });
    }));

  test('TCP, a listener and an unconnected stream are refused, and stay open', async () => {
    await withFolder(async (path) => {
      const listener = UnixListener.listen(path('s'), { type: 'stream' });
      const server = createServer().listen(0);
      await once(server, 'listening');
      const { fd } = Reflect.get(server, '_handle') as { fd: number };
      const { abi, raw } = libc();
      const lonely = raw.socket(abi.AF_UNIX, abi.SOCK_SEQPACKET | abi.SOCK_CLOEXEC, 0);
      for (const [number, message] of [
        [listener.fd, 'got an unconnected one of type STREAM'],
        [lonely, 'got an unconnected one of type SEQPACKET'],
        [fd, 'got a socket of another family or type'],
      ] as const) {
        assertRefused(() => new UnixSocket(number), [
          ...BAD_TYPE.slice(0, 2),
          { message: `"sockfd": expected an AF_UNIX socket, connected or of type DGRAM, ${message}` },
        ] as unknown as Refusal);
        assert.ok(isOpen(number));
      }
      raw.close(lonely);
      listener.destroy();
      server.close();
      await once(server, 'close');
    });
  });

  test('an unconnected DGRAM socket is taken', () => {
    const { abi, raw } = libc();
    const socket = new UnixSocket(raw.socket(abi.AF_UNIX, abi.SOCK_DGRAM | abi.SOCK_CLOEXEC, 0));
    assert.equal(socket.type, 'dgram');
    assert.throws(() => socket.peerCredentials(), { code: 'ENOTCONN', syscall: 'getsockopt' });
    socket.destroy();
  });

  test("Node's own net on the other end of a stream", () =>
    withFolder(async (path) => {
      const server = createServer({ pauseOnConnect: true }).listen(path('net'));
      await once(server, 'listening');
      const connection = once(server, 'connection');
      const socket = await UnixSocket.connectAsync(path('net'), { type: 'stream' });
      const [peer] = (await connection) as [Socket];
      peer.write('from net');
      assertMessage(await socket.recvMessageAsync(), { data: 'from net' });
      await socket.sendMessageAsync('from here');
      peer.resume();
      assert.equal(`${await once(peer, 'data')}`, 'from here');
      peer.end();
      assert.equal(await socket.recvMessageAsync(), null);
      socket.destroy();
      server.close();
      await once(server, 'close');

      const listener = UnixListener.listen(path('own'), { type: 'stream' });
      const client = createConnection(path('own'));
      const accepted = await listener.acceptAsync();
      client.write('hello');
      assertMessage(await accepted.recvMessageAsync(), { data: 'hello' });
      await accepted.sendMessageAsync('hello yourself', [0]);
      assert.equal(`${await once(client, 'data')}`, 'hello yourself', 'net drops the descriptor');
      client.destroy();
      accepted.destroy();
      listener.destroy();
    }));
});

for (const type of CONNECTED as readonly ('seqpacket' | 'stream')[]) {
  suite(`an endpoint of a socket, ${type}`, (test) => {
    for (const [how, make] of [
      ['newEndpoint', (socket: UnixSocket) => newEndpoint(socket)],
      ['new Endpoint', (socket: UnixSocket) => new Endpoint(socket)],
      ['new Endpoint with options', (socket: UnixSocket) => new Endpoint(socket, { streamByte: 0 })],
    ] as const) {
      test(`${how} takes it over`, () =>
        withPair(type, (a, b) =>
          withDescriptors([temporaryFile()], (file = -1) => {
            const { fd } = a;
            a.sendMessage('before');
            assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'before' });
            const endpoint = make(a);
            assert.deepEqual([endpoint.fd, a.fd, endpoint.type], [fd, -1, type]);
            assert.throws(() => a.sendMessage('x'), { code: 'EBADF' });
            a.destroy();
            const peer = make(b);
            endpoint.sendFD(file);
            const received = peer.recvFD(WITHIN_SECONDS);
            assert.ok(sameFile(received, file));
            closeFD(received);
            endpoint.destroy();
            peer.destroy();
            assert.ok(!isOpen(fd));
          }),
        ));
    }

    test('what waits on it is rejected', () =>
      withPair(type, async (a) => {
        const waits = a.recvMessageAsync();
        const endpoint = newEndpoint(a);
        await assert.rejects(waits, { code: 'EBADF', syscall: 'recvmsg' });
        endpoint.destroy();
      }));
  });
}

suite('sockets that make no endpoint', (test) => {
  test('a datagram socket, a destroyed one, a listener: refused, and theirs', () =>
    withFolder(async (path) => {
      await withPair('dgram', (a) => {
        assertRefused(() => newEndpoint(a), BAD_TYPE);
        assert.ok(isOpen(a.fd));
      });
      await withPair('stream', (a) => {
        a.destroy();
        assertRefused(() => newEndpoint(a), BAD_RANGE);
      });
      const listener = UnixListener.listen(path('s'));
      assertRefused(() => newEndpoint(listener as never), BAD_TYPE);
      assert.ok(isOpen(listener.fd));
      listener.destroy();
    }));
});
