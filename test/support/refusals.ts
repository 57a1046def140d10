import assert from 'node:assert/strict';
import { ChannelError, SyscallError } from '../../src/index.ts';

/** What a call throws: the class, the code, and other properties that it must have. */
export type Refusal = readonly [type: new (...args: never[]) => Error, code: string, others?: object];

export const ENDED: Refusal = [ChannelError, 'ERR_FDCHANNEL_ENDED'];
export const NO_DESCRIPTOR: Refusal = [ChannelError, 'ERR_FDCHANNEL_NO_DESCRIPTOR'];
export const TRUNCATED: Refusal = [ChannelError, 'ERR_FDCHANNEL_CONTROL_TRUNCATED'];
export const NOTHING_THERE: Refusal = [SyscallError, 'EAGAIN', { syscall: 'recvmsg' }];
export const RECEIVE_TIMED_OUT: Refusal = [SyscallError, 'ETIMEDOUT', { syscall: 'recvmsg' }];
export const SEND_TIMED_OUT: Refusal = [SyscallError, 'ETIMEDOUT', { syscall: 'sendmsg' }];
export const BAD_TYPE: Refusal = [TypeError, 'ERR_INVALID_ARG_TYPE'];
export const BAD_RANGE: Refusal = [RangeError, 'ERR_OUT_OF_RANGE'];
export const BAD_VALUE: Refusal = [TypeError, 'ERR_INVALID_ARG_VALUE'];

/** What is thrown of a descriptor that is not open. */
export const closed = (syscall: string): Refusal => [SyscallError, 'EBADF', { syscall, errno: -9 }];

/** What a call throws of an object that was `destroyed` or `detached`, and says so. */
export const gone = (syscall: string, object: object, past: string): Refusal => [
  SyscallError,
  'EBADF',
  {
    syscall,
    errno: -9,
    message: `EBADF: bad file descriptor, ${syscall} (the ${object.constructor.name} is ${past})`,
  },
];
export const RECEIVE_CLOSED: Refusal = closed('recvmsg');
export const SEND_CLOSED: Refusal = closed('sendmsg');

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

export async function assertRejects(
  promise: Promise<unknown>,
  refusal: Refusal,
  what?: string,
): Promise<void> {
  const outcome = await promise.then(
    (result) => () => result,
    (error) => () => {
      throw error;
    },
  );
  assertRefused(outcome, refusal, what);
}

/** A refusal as another thread or process reports it. */
export function told([type, code]: Refusal): { threw: { name: string; code: string } } {
  return { threw: { name: type.name, code } };
}
