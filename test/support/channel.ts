import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Framing } from '../../src/abi/abi.ts';
import { ChannelError, closeFD, Endpoint, SyscallError } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { sameFile } from './descriptors.ts';

export const FRAMINGS: readonly Framing[] = ['seqpacket', 'stream'];

/** For a receive whose descriptor is on its way: should it never come, the test fails instead of hanging. */
export const SOON = { timeout: 10_000 };

/** What a call throws: the class, the code, and other properties that it must have. */
export type Refusal = readonly [type: new (...args: never[]) => Error, code: string, others?: object];

export const ENDED: Refusal = [ChannelError, 'ERR_FDCHANNEL_ENDED'];
export const NO_DESCRIPTOR: Refusal = [ChannelError, 'ERR_FDCHANNEL_NO_DESCRIPTOR'];
export const TRUNCATED: Refusal = [ChannelError, 'ERR_FDCHANNEL_CONTROL_TRUNCATED'];
export const NOTHING_THERE: Refusal = [SyscallError, 'EAGAIN', { syscall: 'recvmsg' }];
export const TIMED_OUT: Refusal = [SyscallError, 'ETIMEDOUT', { syscall: 'recvmsg' }];
export const BAD_TYPE: Refusal = [TypeError, 'ERR_INVALID_ARG_TYPE'];
export const BAD_RANGE: Refusal = [RangeError, 'ERR_OUT_OF_RANGE'];

/** What every call refuses that wants a descriptor. */
export const NO_DESCRIPTORS: readonly [value: unknown, refusal: Refusal][] = [
  [-1, BAD_RANGE],
  [1.5, BAD_RANGE],
  [Number.NaN, BAD_RANGE],
  [Number.POSITIVE_INFINITY, BAD_RANGE],
  [2 ** 31, BAD_RANGE],
  [2 ** 32, BAD_RANGE],
  ['3', BAD_TYPE],
  ['', BAD_TYPE],
  [null, BAD_TYPE],
  [undefined, BAD_TYPE],
  [true, BAD_TYPE],
  [3n, BAD_TYPE],
  [[3], BAD_TYPE],
  [() => 3, BAD_TYPE],
  [Symbol('3'), BAD_TYPE],
];

export function assertRefused(call: () => unknown, [type, code, others]: Refusal, what?: string): void {
  assert.throws(
    call,
    (error) => {
      assert.ok(error instanceof type, `${what ?? 'the call'} threw ${error}, and not a ${type.name}`);
      const wanted = { code, ...others };
      const got = Object.fromEntries(Object.keys(wanted).map((name) => [name, Reflect.get(error, name)]));
      assert.deepEqual(got, wanted, what);
      return true;
    },
    what,
  );
}

/** Two connected endpoints, which the body may destroy itself. */
export async function withChannel(
  framing: Framing,
  body: (a: Endpoint, b: Endpoint) => unknown,
): Promise<void> {
  const [a, b] = channel(framing);
  try {
    await body(a, b);
  } finally {
    a.destroy();
    b.destroy();
  }
}

/** Two connected endpoints, owned by the caller. */
export function channel(framing: Framing): [Endpoint, Endpoint] {
  const [a, b] = socketpair(libc(), framing);
  return [new Endpoint(a), new Endpoint(b)];
}

/** Runs the body with descriptors of its own, and closes them. */
export async function withDescriptors(
  fds: readonly number[],
  body: (...fds: number[]) => unknown,
): Promise<void> {
  try {
    await body(...fds);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

/** A file without a name, open for reading and writing, its offset at the beginning. */
export function temporaryFile(content = ''): number {
  const directory = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  const fd = openSync(join(directory, 'file'), 'w+');
  rmSync(directory, { recursive: true });
  writeSync(fd, content, 0);
  return fd;
}

/** Receives what is there, and makes sure that it is a new descriptor of the same file. */
export function assertReceives(
  endpoint: Endpoint,
  sent: number,
  receive: (endpoint: Endpoint) => number | undefined = (from) => from.recvFD(SOON),
): void {
  const received = receive(endpoint);
  assert.ok(received !== undefined, 'nothing is there');
  try {
    assert.notEqual(received, sent);
    assert.ok(sameFile(received, sent), `received ${received}, which is not what ${sent} is`);
  } finally {
    closeFD(received);
  }
}

/** Makes sure that a channel does what it is for, in both directions, and that nothing is left in it. */
export function assertWorks(a: Endpoint, b: Endpoint): void {
  const fd = temporaryFile();
  try {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      assert.equal(to.tryRecvFD(), undefined);
      from.sendFD(fd);
      assertReceives(to, fd);
      assert.equal(to.tryRecvFD(), undefined);
    }
  } finally {
    closeSync(fd);
  }
}
