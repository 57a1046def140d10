import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChannelError, type Message, type SocketType, SyscallError, UnixSocket } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { sameFile } from './descriptors.ts';
import { temporaryFile } from './files.ts';
import type { Refusal } from './refusals.ts';

export const TYPES: readonly SocketType[] = ['seqpacket', 'stream', 'dgram'];

/** The types with a peer whose end is seen. */
export const CONNECTED: readonly SocketType[] = ['seqpacket', 'stream'];

/** The types that keep messages apart. */
export const PACKETS: readonly SocketType[] = ['seqpacket', 'dgram'];

export const TORN: Refusal = [ChannelError, 'ERR_FDCHANNEL_TORN'];
export const SEND_TIMED_OUT: Refusal = [SyscallError, 'ETIMEDOUT', { syscall: 'sendmsg' }];

/** Two connected sockets, which the body may destroy itself. */
export async function withPair(
  type: SocketType,
  body: (a: UnixSocket, b: UnixSocket) => unknown,
): Promise<void> {
  const [a, b] = UnixSocket.pair(type);
  try {
    await body(a, b);
  } finally {
    a.destroy();
    b.destroy();
  }
}

/** A new folder, which goes with all that is in it. */
export async function withFolder(body: (path: (name: string) => string) => unknown): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  try {
    await body((name) => join(folder, name));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs the body with so many open files, no two of them the same. */
export async function withFiles(count: number, body: (files: number[]) => unknown): Promise<void> {
  const files = Array.from({ length: count }, () => temporaryFile());
  try {
    await body(files);
  } finally {
    for (const fd of files) closeSync(fd);
  }
}

/** What a message is compared by. */
export interface Expected {
  readonly data?: string | Uint8Array;
  /** Descriptors of this process for the same files, in order. */
  readonly files?: readonly number[];
  readonly truncated?: boolean;
  readonly controlTruncated?: boolean;
  readonly from?: string | undefined;
}

/** Makes sure that a message is as expected, and closes its descriptors. */
export function assertMessage(message: Message | null | undefined, expected: Expected): void {
  assert.ok(message, `a message, and not ${message}`);
  const { data = '', files = [], truncated = false, controlTruncated = false, from } = expected;
  try {
    assert.ok(
      Buffer.from(data as Uint8Array).equals(message.data),
      `${message.data.length} bytes of data: ${message.data.subarray(0, 20)}`,
    );
    assert.equal(message.fds.length, files.length, 'the number of descriptors');
    for (const [i, fd] of message.fds.entries()) {
      assert.ok(sameFile(fd, files[i] as number), `descriptor ${i} is of the file that was sent`);
      assert.ok(!files.includes(fd), 'it is a new descriptor');
    }
    const { truncated: cut, controlTruncated: lost, from: sender } = message;
    assert.deepEqual(
      { truncated: cut, controlTruncated: lost, from: sender },
      { truncated, controlTruncated, from },
    );
  } finally {
    message[Symbol.dispose]();
  }
}

/** Receives that much data, which a stream may give in several pieces, with all descriptors that come with it. */
export function gathered(socket: UnixSocket, bytes: number): Message {
  const first = socket.recvMessage({ timeout: 10_000, maxBytes: Math.max(1, bytes) });
  assert.ok(first);
  if (socket.type !== 'stream') return first;
  const data = [first.data];
  for (let left = bytes - first.data.length; left > 0; ) {
    const next = socket.recvMessage({ timeout: 10_000, maxBytes: left });
    assert.ok(next);
    data.push(next.data);
    first.fds.push(...next.fds);
    left -= next.data.length;
  }
  return Object.assign(first, { data: Buffer.concat(data) });
}

/** Bytes that tell where they were in the whole. */
export function pattern(length: number): Buffer {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + 1, 2654435761);
  return Buffer.from(words.buffer, 0, length);
}

/** Sends without descriptors until the socket is full. @returns the number of bytes sent */
export function fillWithData(socket: UnixSocket, bytes = 1024): number {
  let total = 0;
  for (;;) {
    const sent = socket.trySendMessage(Buffer.alloc(bytes));
    if (sent === undefined) return total;
    total += sent;
  }
}

/** Receives everything that is there, and closes the descriptors. @returns the number of bytes */
export function drain(socket: UnixSocket): number {
  let total = 0;
  for (let message = socket.tryRecvMessage(); message; message = socket.tryRecvMessage()) {
    total += message.data.length;
    message[Symbol.dispose]();
  }
  return total;
}

/** Counts the calls of a function of libc from now on. @returns how often it was called, which ends the count */
export function countCalls(name: 'accept4' | 'connect' | 'recvmsg' | 'sendmsg'): () => number {
  const { raw } = libc();
  const original = raw[name] as (...args: number[]) => number;
  let count = 0;
  const counted = (...args: number[]): number => {
    count++;
    return original(...args);
  };
  Object.assign(raw, { [name]: counted });
  return () => {
    Object.assign(raw, { [name]: original });
    return count;
  };
}
