import { getSystemErrorMap, inspect } from 'node:util';

/** What a {@link ChannelError} says happened on the channel. */
export type ChannelErrorCode =
  | 'ERR_FDCHANNEL_ENDED'
  | 'ERR_FDCHANNEL_NO_DESCRIPTOR'
  | 'ERR_FDCHANNEL_CONTROL_TRUNCATED'
  | 'ERR_FDCHANNEL_UNEXPECTED_CONTROL'
  | 'ERR_FDCHANNEL_TORN'
  | 'ERR_FDCHANNEL_UNCLAIMED'
  | 'ERR_FDCHANNEL_PARTLY_SENT';

/** What else a {@link SyscallError} is told of its call. */
export interface SyscallErrorOptions {
  /** Name and text for a number that libuv does not know. */
  readonly fallback?: readonly [name: string, text: string] | undefined;
  /** The address that the call was for. */
  readonly address?: string | undefined;
  /** The end of the message. */
  readonly detail?: string | undefined;
}

/**
 * The kernel refused a system call.
 *
 * It has the shape of Node's own system errors: `code` is the symbolic name, `errno` the negative number,
 * `syscall` the call, and the message `EBADF: bad file descriptor, sendmsg`. errno is an open set: a number
 * that has no name is reported as libuv reports it, `Unknown system error -N`.
 *
 * @example
 * ```js
 * import { closeFD, SyscallError } from 'fdchannel';
 *
 * try {
 *   closeFD(999_999);
 * } catch (error) {
 *   console.log(error instanceof SyscallError && error.code); // EBADF
 *   console.log(error.message); // EBADF: bad file descriptor, close
 * }
 * ```
 */
export class SyscallError extends Error {
  override readonly name: string = 'SyscallError';
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  /** The path or abstract name, where the call was for one. */
  declare readonly address?: string;
  /** Of a call that sends many: how many the kernel had taken before. */
  declare readonly sent?: number;

  /**
   * @param errno the positive number, as C's `errno` has it
   * @param syscall the call that failed
   */
  constructor(errno: number, syscall: string, { fallback, address, detail }: SyscallErrorOptions = {}) {
    const unknown = `Unknown system error ${-errno}`;
    const [name, text] = getSystemErrorMap().get(-errno) ?? fallback ?? [unknown, unknown];
    const where = address === undefined ? '' : ` ${inspect(address)}`;
    super(`${name}: ${text}, ${syscall}${where}${detail === undefined ? '' : ` ${detail}`}`);
    this.code = name;
    this.errno = -errno;
    this.syscall = syscall;
    if (address !== undefined) this.address = address;
  }
}

/**
 * The channel cannot give what was asked: it ended, or the peer sent what the channel forbids. Every
 * descriptor that came with the refused packet was closed before this was thrown.
 *
 * @example
 * ```js
 * import { ChannelError, Endpoint } from 'fdchannel';
 *
 * const [ours, theirs] = Endpoint.pair();
 * theirs.destroy();
 * try {
 *   ours.recvFD();
 * } catch (error) {
 *   console.log(error instanceof ChannelError && error.code); // ERR_FDCHANNEL_ENDED
 * }
 * ours.destroy();
 * ```
 */
export class ChannelError extends Error {
  override readonly name: string = 'ChannelError';
  readonly code: ChannelErrorCode;
  /** Of a call that sends many: how many the kernel had taken before. */
  declare readonly sent?: number;

  constructor(code: ChannelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Says in an error of a call that sends many how many the kernel had taken before, unless it says so already. */
export function sentBefore(error: unknown, sent: number): unknown {
  if (!(error instanceof SyscallError || error instanceof ChannelError)) return error;
  return Object.assign(error, { sent: error.sent ?? sent });
}

/**
 * This host has no table of constants and layouts here, or no libc that can be called.
 *
 * @example
 * ```js
 * import { Endpoint, UnsupportedPlatformError } from 'fdchannel';
 *
 * try {
 *   const [a, b] = Endpoint.pair();
 *   a.destroy();
 *   b.destroy();
 * } catch (error) {
 *   if (!(error instanceof UnsupportedPlatformError)) throw error;
 *   console.error('No descriptors can be passed here:', error.message);
 * }
 * ```
 */
export class UnsupportedPlatformError extends Error {
  override readonly name: string = 'UnsupportedPlatformError';
  readonly code = 'ERR_FDCHANNEL_UNSUPPORTED_PLATFORM';
}

/** An argument of the wrong kind, in Node's shape. */
export function invalidArgType(
  name: string,
  expected: string,
  actual: unknown,
  got: string = describe(actual),
): TypeError {
  return coded(new TypeError(`"${name}": expected ${expected}, got ${got}`), 'ERR_INVALID_ARG_TYPE');
}

/** An argument that has no place in the call that got it, in Node's shape. */
export function invalidArgValue(name: string, expected: string, actual: unknown): TypeError {
  return coded(
    new TypeError(`"${name}": expected ${expected}, got ${describe(actual)}`),
    'ERR_INVALID_ARG_VALUE',
  );
}

/** An argument of the right kind outside its range, in Node's shape. */
export function outOfRange(name: string, expected: string, actual: unknown): RangeError {
  return coded(
    new RangeError(`"${name}": expected ${expected}, got ${describe(actual)}`),
    'ERR_OUT_OF_RANGE',
  );
}

function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}

/** What a value is, for a message. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `the string ${inspect(value)}`;
  if (typeof value === 'function') return `a function`;
  if (typeof value !== 'object' || value === null) return inspect(value);
  return `an object of ${value.constructor?.name ?? 'no class'}`;
}
