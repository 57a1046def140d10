import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { closeFD, descriptorOf, Endpoint, newEndpoint, SyscallError } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import {
  assertRefused,
  assertWorks,
  BAD_TYPE,
  FRAMINGS,
  type Refusal,
  temporaryFile,
  withDescriptors,
} from '../support/channel.ts';
import { identity } from '../support/descriptors.ts';
import { statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

const NOT_A_SOCKET: Refusal = [SyscallError, 'ENOTSOCK', { syscall: 'getsockopt', errno: -88 }];
const WRONG_TYPE = 'got an AF_UNIX socket of type DGRAM';
const WRONG_FAMILY = 'got a socket of another family or type';

function assertRefusedAndKept(fd: number, refusal: Refusal, got = ''): void {
  const before = [identity(fd), statusFlags(fd)];
  for (const make of [newEndpoint, (sockfd: number) => new Endpoint(sockfd)]) {
    assertRefused(() => make(fd), refusal);
    assert.throws(
      () => make(fd),
      (error: Error) => error.message.includes(got),
    );
  }
  assert.deepEqual([identity(fd), statusFlags(fd)], before);
}

suite('the constructor', (test) => {
  for (const framing of FRAMINGS) {
    test(`takes a ${framing} socket, and leaves it as it was`, () => {
      const [a, b] = socketpair(libc(), framing);
      const before = [identity(a), statusFlags(a)];
      const one = new Endpoint(a);
      const other = newEndpoint(b);
      assert.deepEqual([one.fd, other.fd], [a, b]);
      assert.deepEqual([identity(a), statusFlags(a)], before);
      assertWorks(one, other);
      one.destroy();
      other.destroy();
    });
  }

  test('refuses a file, a directory and a device, which stay open and the caller’s', () =>
    withDescriptors([temporaryFile(), openSync(tmpdir(), 'r'), openSync('/dev/null', 'r')], (...fds) => {
      for (const fd of fds) assertRefusedAndKept(fd, NOT_A_SOCKET);
    }));

  test('refuses a Unix datagram socket, which stays open and the caller’s', () =>
    withDescriptors(socketpair(libc(), 'dgram'), (fd) => assertRefusedAndKept(fd, BAD_TYPE, WRONG_TYPE)));

  test('refuses TCP sockets, which stay open and the caller’s', async () => {
    const server = createServer((socket) => socket.end('still here')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    assertRefusedAndKept(descriptorOf(server), BAD_TYPE, WRONG_FAMILY);
    const client: Socket = createConnection((server.address() as { port: number }).port, '127.0.0.1');
    await once(client, 'connect');
    assertRefusedAndKept(descriptorOf(client), BAD_TYPE, WRONG_FAMILY);
    const [text] = await once(client, 'data');
    assert.equal(String(text), 'still here');
    client.destroy();
    server.close();
    await once(server, 'close');
  });

  test('refuses a UDP socket, which stays open and the caller’s', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    assertRefusedAndKept(descriptorOf(socket), BAD_TYPE, WRONG_FAMILY);
    socket.close();
    await once(socket, 'close');
  });

  test('says what it wants and what it got', () =>
    withDescriptors(socketpair(libc(), 'dgram'), (fd) => {
      assert.throws(() => new Endpoint(fd), {
        message: `"sockfd": expected a connected AF_UNIX socket of type SEQPACKET or STREAM, ${WRONG_TYPE}`,
      });
    }));

  test('refuses again and again, and leaks nothing', () =>
    withDescriptors([temporaryFile()], (fd) => {
      for (let i = 0; i < 1000; i++) assertRefused(() => new Endpoint(fd), NOT_A_SOCKET);
      const next = libc().duplicate(fd);
      closeFD(next);
      assert.ok(next < 200, `the next free number is ${next}`);
    }));
});
