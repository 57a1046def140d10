import { invalidArgType, invalidArgValue, outOfRange } from './errors.ts';

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

/** The byte that a stream endpoint sends. */
export function checkStreamByte(options: EndpointOptions | undefined): number {
  const { streamByte = 1 } = options === undefined ? {} : checkObject(options);
  const expected = 'a whole number from 0 to 255';
  if (typeof streamByte !== 'number') throw invalidArgType('options.streamByte', expected, streamByte);
  if ((streamByte & 0xff) !== streamByte) throw outOfRange('options.streamByte', expected, streamByte);
  return streamByte;
}

/** One of a few words. */
export function checkWord<Word extends string>(name: string, word: unknown, words: readonly Word[]): Word {
  const expected = words.map((one) => `'${one}'`).join(' or ');
  if (typeof word !== 'string') throw invalidArgType(name, expected, word);
  const found = words.find((one) => one === word);
  if (found === undefined) throw invalidArgValue(name, expected, word);
  return found;
}

function checkObject<O extends object>(options: O): O {
  if (typeof options !== 'object' || options === null) throw invalidArgType('options', 'an object', options);
  return options;
}
