import { types } from 'node:util';
import type { SocketType } from './abi/abi.ts';
import { invalidArgType, invalidArgValue, outOfRange } from './errors.ts';
import type { Wanted } from './socket/receiving.ts';

/** Options of the calls that block. */
export interface BlockingOptions {
  /**
   * Milliseconds to wait at most, a whole number from 0 to 2^31-1.
   *
   * @default no limit
   */
  readonly timeout?: number | undefined;
}

/** Options of the calls that wait on the event loop. */
export interface AsyncOptions {
  /** Ends the wait; it then rejects with the signal's `reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** How much a call takes that receives many. */
export interface BatchOptions {
  /**
   * How many descriptors to receive at most, a whole number from 1 to 1024.
   *
   * @default 64
   */
  readonly max?: number | undefined;
}

/** Options of an endpoint. */
export interface EndpointOptions {
  /**
   * The value of the byte that comes with each descriptor on a STREAM socket, 0 to 255. Two peers look at it: Python's
   * `multiprocessing` wants the number of descriptors, Perl's `IO::FDPass` wants 0.
   *
   * @default 1
   */
  readonly streamByte?: number | undefined;
}

/** The type of a socket that is made. */
export interface TypeOptions {
  /** @default `'seqpacket'` on Linux, `'stream'` elsewhere */
  readonly type?: SocketType | undefined;
}

/** Options of a socket that is given a path. */
export interface BindOptions {
  /**
   * The permissions of the file that is made for a path.
   *
   * @default 0o600: only its owner's processes may connect
   */
  readonly mode?: number | undefined;
  /**
   * Whether the file of a socket on which nobody listens any more makes room.
   *
   * @default false
   */
  readonly replace?: boolean | undefined;
}

/** Whom a message is for. */
export interface SendMessageOptions {
  /** The address that a datagram is for. @default the peer */
  readonly to?: string | undefined;
}

/** What a receive takes at most. */
export interface ReceiveMessageOptions {
  /** Bytes of data, from 1 to 2^30. @default 65536 */
  readonly maxBytes?: number | undefined;
  /** Descriptors, from 0 to 253. @default 253 */
  readonly maxFds?: number | undefined;
  /** Memory of the caller's that the data is received into; `maxBytes` is then its length. */
  readonly into?: Uint8Array | undefined;
}

/** The data of a message: a text (UTF-8), bytes, or several of them, which are gathered. */
export type MessageData = string | Uint8Array | readonly (string | Uint8Array)[];

export const TYPES: readonly SocketType[] = ['seqpacket', 'stream', 'dgram'];

/** For the owner's processes alone. */
const PRIVATE = 0o600;

const MAX_TIMEOUT = 2 ** 31 - 1;
const MILLISECONDS = `a whole number of milliseconds from 0 to ${MAX_TIMEOUT}`;

/** The timeout of a blocking call, or undefined for none. */
export function checkTimeout(options: BlockingOptions | undefined): number | undefined {
  if (options === undefined) return undefined;
  const { timeout, signal } = checkObject<BlockingOptions & AsyncOptions>(options);
  if (signal !== undefined) {
    throw invalidArgValue('options.signal', 'a timeout here, and a signal in the Async form', signal);
  }
  if (timeout === undefined) return undefined;
  if (typeof timeout !== 'number') throw invalidArgType('options.timeout', MILLISECONDS, timeout);
  if (!Number.isInteger(timeout) || timeout < 0 || timeout > MAX_TIMEOUT) {
    throw outOfRange('options.timeout', MILLISECONDS, timeout);
  }
  return timeout;
}

/** The signal of an asynchronous call, or undefined for none. A signal that has aborted throws its reason. */
export function checkSignal(options: AsyncOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  const { timeout, signal } = checkObject<BlockingOptions & AsyncOptions>(options);
  if (timeout !== undefined) {
    const expected = 'a signal here, such as AbortSignal.timeout(ms), and a timeout in the blocking form';
    throw invalidArgValue('options.timeout', expected, timeout);
  }
  if (signal === undefined) return undefined;
  if (!(signal instanceof AbortSignal)) throw invalidArgType('options.signal', 'an AbortSignal', signal);
  signal.throwIfAborted();
  return signal;
}

const DEFAULT_MAX = 64;

/** The most messages that the kernel receives by one call: its UIO_MAXIOV (Linux linux/uio.h). */
const LARGEST_MAX = 1024;

/** How many descriptors a call receives at most. */
export function checkMax(options: BatchOptions | undefined): number {
  if (options === undefined) return DEFAULT_MAX;
  return checkCount('options.max', checkObject(options).max, 1, LARGEST_MAX, DEFAULT_MAX);
}

/** The byte that a stream endpoint sends. */
export function checkStreamByte(options: EndpointOptions | undefined): number {
  const byte = options === undefined ? undefined : checkObject(options).streamByte;
  return checkCount('options.streamByte', byte, 0, 0xff, 1);
}

/** One of a few words. */
export function checkWord<Word extends string>(name: string, word: unknown, words: readonly Word[]): Word {
  const expected = words.map((one) => `'${one}'`).join(' or ');
  if (typeof word !== 'string') throw invalidArgType(name, expected, word);
  const found = words.find((one) => one === word);
  if (found === undefined) throw invalidArgValue(name, expected, word);
  return found;
}

/** The data of a message as bytes, in not more than `most` parts. */
export function checkData(data: MessageData, most: number): readonly Uint8Array[] {
  if (!Array.isArray(data)) return [bytesOf('data', data as string | Uint8Array)];
  // Unlike map, this sees an element that was never set.
  const parts = Array.from(data as readonly (string | Uint8Array)[], (part, i) =>
    bytesOf(`data[${i}]`, part),
  );
  return gathered(parts, most);
}

/** Not more parts than that: all in one, where there are more. */
export function gathered(parts: readonly Uint8Array[], most: number): readonly Uint8Array[] {
  return parts.length > most ? [Buffer.concat(parts)] : parts;
}

function bytesOf(name: string, data: string | Uint8Array): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  if (types.isUint8Array(data)) return data;
  throw invalidArgType(name, 'a string, a Uint8Array or an array of them', data);
}

const MOST_RECEIVED = 2 ** 30;

/** What a receive takes at most; `usual` where it is not said. */
export function checkWanted(options: ReceiveMessageOptions | undefined, usual: Wanted): Wanted {
  if (options === undefined) return usual;
  const { maxBytes, maxFds, into } = checkObject(options);
  if (into !== undefined && !types.isUint8Array(into)) {
    throw invalidArgType('options.into', 'a Uint8Array', into);
  }
  // A detached buffer has no bytes, whatever its view says.
  if (into && (into.length === 0 || into.buffer.byteLength === 0)) {
    throw invalidArgValue('options.into', 'memory with room for data', into);
  }
  if (into !== undefined && maxBytes !== undefined) {
    throw invalidArgValue('options.maxBytes', 'no number beside `into`, whose length says it', maxBytes);
  }
  return {
    bytes: checkCount('options.maxBytes', maxBytes, 1, MOST_RECEIVED, usual.bytes),
    descriptors: checkCount('options.maxFds', maxFds, 0, usual.descriptors, usual.descriptors),
    // A view of its own: properties of the caller's may say anything.
    into: into && Buffer.from(into.buffer, into.byteOffset, into.length),
  };
}

/** The type of a socket that is to be made. */
export function checkType(options: TypeOptions | undefined, fallback: SocketType): SocketType {
  const type = options === undefined ? undefined : checkObject(options).type;
  return type === undefined ? fallback : checkWord('options.type', type, TYPES);
}

/** How a path is to be bound. */
export function checkBinding(options: BindOptions): { mode: number; replace: boolean } {
  const { mode, replace = false } = options;
  if (typeof replace !== 'boolean') throw invalidArgType('options.replace', 'a boolean', replace);
  return { mode: checkCount('options.mode', mode, 0, 0o777, PRIVATE), replace };
}

/** A number of something, `fallback` where it is not given. */
export function checkCount(
  name: string,
  count: unknown,
  least: number,
  most: number,
  fallback: number,
): number {
  if (count === undefined) return fallback;
  const expected = `a whole number from ${least} to ${most}`;
  if (typeof count !== 'number') throw invalidArgType(name, expected, count);
  if (!Number.isInteger(count) || count < least || count > most) throw outOfRange(name, expected, count);
  return count;
}

export function checkObject<O extends object>(options: O): O {
  if (typeof options !== 'object' || options === null) throw invalidArgType('options', 'an object', options);
  return options;
}
