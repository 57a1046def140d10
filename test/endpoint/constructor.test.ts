import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { closeFD, descriptorOf, Endpoint, newEndpoint, SyscallError } from '../../src/index.ts';
import { identity, openDescriptors } from '../support/descriptors.ts';
import { assertConnected } from '../support/endpoints.ts';
import { ENDPOINTS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { duplicate, socketpair, statusFlags } from '../support/raw.ts';
import { assertRefused, BAD_TYPE, NO_DESCRIPTORS, type Refusal } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

const NOT_A_SOCKET: Refusal = [SyscallError, 'ENOTSOCK', { syscall: 'getsockopt', errno: -88 }];
const WRONG_TYPE = 'got an AF_UNIX socket of type DGRAM';
const WRONG_FAMILY = 'got a socket of another family or type';

const makers: [name: string, make: (sockfd: number) => Endpoint][] = [
  ['new Endpoint', (sockfd) => new Endpoint(sockfd)],
  ['newEndpoint', newEndpoint],
];

function assertRefusedAndKept(fd: number, refusal: Refusal, got = ''): void {
  const before = [identity(fd), statusFlags(fd)];
  for (const [, make] of makers) {
    assertRefused(() => make(fd), refusal);
    assert.throws(
      () => make(fd),
      (error: Error) => error.message.includes(got),
    );
  }
  assert.deepEqual([identity(fd), statusFlags(fd)], before);
}

suite('the constructor', (test) => {
  for (const { type } of ENDPOINTS) {
    test(`takes a ${type} socket, and leaves it as it was`, () => {
      const [a, b] = socketpair(type);
      const before = [identity(a), statusFlags(a)];
      const [one, other] = [new Endpoint(a), newEndpoint(b)];
      assert.deepEqual([one.fd, other.fd], [a, b]);
      assert.deepEqual([identity(a), statusFlags(a)], before);
      assertConnected(one, other);
      for (const endpoint of [one, other]) endpoint.destroy();
    });
  }

  test('refuses a file, a directory and a device, which stay open and the caller’s', () =>
    withDescriptors([temporaryFile(), openSync(tmpdir(), 'r'), openSync('/dev/null', 'r')], (...fds) => {
      for (const fd of fds) assertRefusedAndKept(fd, NOT_A_SOCKET);
    }));

  test('refuses a Unix datagram socket, which stays open and the caller’s', () =>
    withDescriptors(socketpair('dgram'), (fd) => assertRefusedAndKept(fd, BAD_TYPE, WRONG_TYPE)));

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
    withDescriptors(socketpair('dgram'), (fd) => {
      assert.throws(() => new Endpoint(fd), {
        message: `"sockfd": expected a connected AF_UNIX socket of type SEQPACKET or STREAM, ${WRONG_TYPE}`,
      });
    }));

  for (const [name, make] of makers) {
    test(`${name} refuses what is no descriptor`, () =>
      withDescriptors([temporaryFile()], (fd) => {
        const before = openDescriptors();
        for (const [value, refusal] of [...NO_DESCRIPTORS, [{ fd }, BAD_TYPE] as const])
          assertRefused(() => make(value as number), refusal, String(typeof value));
        assert.deepEqual(openDescriptors(), before);
      }));

    test(`${name} refuses a number that is not open`, () => {
      const fd = temporaryFile();
      closeFD(fd);
      for (const number of [fd, 2 ** 31 - 1])
        assertRefused(() => make(number), [SyscallError, 'EBADF', { errno: -9 }]);
    });
  }

  test('refuses again and again, and leaks nothing', () =>
    withDescriptors([temporaryFile()], (fd) => {
      for (let i = 0; i < 1000; i++) assertRefused(() => new Endpoint(fd), NOT_A_SOCKET);
      const next = duplicate(fd);
      closeFD(next);
      assert.ok(next < 200, `the next free number is ${next}`);
    }));
});
