import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import koffi from 'koffi';
import type { Endpoint } from '../../src/index.ts';
import { libc, WOULD_BLOCK } from '../../src/libc/calls.ts';
import { MessageBuffer } from '../../src/libc/message-buffer.ts';
import { ControlCodec } from '../../src/message.ts';

/** What no endpoint does, and what its peer or its host may do to it. */

const [F_SETFD, F_GETFL, F_SETFL, SOL_SOCKET] = [2, 3, 4, 1];

const c = koffi.load(null);
const fcntl = c.func('int fcntl(int fd, int op, ...)');
const setsockopt = c.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t length)');

/** Options of a Linux socket that make the kernel add control messages (asm-generic/socket.h). */
export const SO_PASSCRED = 16;
export const SO_PASSPIDFD = 76;

/** Sends one message with so many bytes of data and these descriptors. */
export function sendRaw(sockfd: number, dataBytes: number, fds: readonly number[] = []): void {
  assert.equal(libc().sendmsg(sockfd, rawMessage(dataBytes, fds).address, 0), dataBytes);
}

/** The same without waiting. @returns false where there is no room */
export function trySendRaw(sockfd: number, dataBytes: number, fds: readonly number[] = []): boolean {
  const sent = libc().sendmsg(sockfd, rawMessage(dataBytes, fds).address, libc().abi.MSG_DONTWAIT);
  if (sent !== WOULD_BLOCK) assert.equal(sent, dataBytes);
  return sent !== WOULD_BLOCK;
}

function rawMessage(dataBytes: number, fds: readonly number[]): MessageBuffer {
  const codec = new ControlCodec(libc().abi, libc().layout);
  const message = new MessageBuffer(libc(), dataBytes, codec.space(Math.max(1, fds.length)));
  message.controllen = fds.length > 0 ? codec.encode(message.control, fds) : 0;
  return message;
}

/** Sends a file until there is no room. @returns how often that was */
export function fill(endpoint: Endpoint, fd: number): number {
  const c = libc();
  const codec = new ControlCodec(c.abi, c.layout);
  const stream = c.unixSocketType(endpoint.fd) === 'stream';
  const message = new MessageBuffer(c, stream ? 1 : 0, codec.space(1));
  message.controllen = codec.encode(message.control, [fd]);
  for (let sent = 0; ; sent++) {
    if (c.sendmsg(endpoint.fd, message.address, c.abi.MSG_DONTWAIT) === WOULD_BLOCK) return sent;
  }
}

/** Switches an option on. @returns false where the kernel does not have it */
export function switchOn(sockfd: number, option: number): boolean {
  return setsockopt(sockfd, SOL_SOCKET, option, [1], 4) === 0;
}

export function switchOff(sockfd: number, option: number): void {
  assert.equal(setsockopt(sockfd, SOL_SOCKET, option, [0], 4), 0);
}

export function statusFlags(fd: number): number {
  return fcntl(fd, F_GETFL);
}

export function setNonblocking(fd: number): void {
  assert.equal(fcntl(fd, F_SETFL, 'int', statusFlags(fd) | constants.O_NONBLOCK), 0);
}

/** Lets child processes have a descriptor. */
export function setInherited(fd: number): void {
  assert.equal(fcntl(fd, F_SETFD, 'int', 0), 0);
}

/** A file that is nowhere but in memory. @returns undefined where libc or the kernel has none */
export function memoryFile(): number | undefined {
  let create: (name: string, flags: number) => number;
  try {
    create = c.func('int memfd_create(const char *name, unsigned int flags)');
  } catch {
    return undefined;
  }
  const fd = create('fdchannel', 1);
  return fd < 0 ? undefined : fd;
}
