import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import koffi from 'koffi';
import type { Framing, SocketType } from '../../src/index.ts';
import { libc, WOULD_BLOCK } from '../../src/libc/calls.ts';
import { MessageBuffer } from '../../src/libc/message-buffer.ts';
import * as polls from '../../src/libc/polls.ts';
import * as sockets from '../../src/libc/sockets.ts';
import { ControlCodec } from '../../src/socket/control.ts';

/** What no user of the library does: sockets as the kernel has them, and what peers and hosts may do to them. */

export const FRAMINGS: readonly Framing[] = ['seqpacket', 'stream'];

const [F_GETFD, F_SETFD, F_GETFL, F_SETFL, FD_CLOEXEC, SOL_SOCKET, SHUT_WR] = [1, 2, 3, 4, 1, 1, 1];

const c = koffi.load(null);
const fcntl = c.func('int fcntl(int fd, int op, ...)');
const setsockopt = c.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t length)');
const shutdown = c.func('int shutdown(int fd, int how)');

/** Options of a Linux socket that make the kernel add control messages (asm-generic/socket.h). */
export const SO_PASSCRED = 16;
export const SO_PASSPIDFD = 76;

/** Two connected sockets, owned by the caller. */
export function socketpair(type: SocketType): [number, number] {
  return sockets.socketpair(libc(), type);
}

/** Another number for what `fd` refers to, owned by the caller. */
export function duplicate(fd: number): number {
  return libc().duplicate(fd);
}

/** Makes an open number refer to what `fd` refers to. */
export function redirect(number: number, fd: number): void {
  polls.redirect(libc(), number, fd);
}

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
  message.controllen = fds.length > 0 ? codec.encode(message, fds) : 0;
  return message;
}

/** Sends a descriptor until there is no room. @returns how often that was */
export function fill(sockfd: number, fd: number): number {
  const c = libc();
  const codec = new ControlCodec(c.abi, c.layout);
  const stream = sockets.socketType(c, sockfd) === 'stream';
  const message = new MessageBuffer(c, stream ? 1 : 0, codec.space(1));
  message.controllen = codec.encode(message, [fd]);
  for (let sent = 0; ; sent++) {
    if (c.sendmsg(sockfd, message.address, c.abi.MSG_DONTWAIT) === WOULD_BLOCK) return sent;
  }
}

/** Ends one direction: the peer receives what was sent, then the end, and goes on sending. */
export function shutdownSending(sockfd: number): void {
  assert.equal(shutdown(sockfd, SHUT_WR), 0);
}

/** Whether nobody has the peer of a socket any more. */
export function hasHungUp(sockfd: number): boolean {
  return (libc().poll(sockfd, 0, 0) & libc().abi.POLLHUP) !== 0;
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

/** Whether exec closes a descriptor, so that no child process has it. */
export function isCloseOnExec(fd: number): boolean {
  return (fcntl(fd, F_GETFD) & FD_CLOEXEC) !== 0;
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
