import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { describe, invalidArgType, outOfRange } from './errors.ts';
import { libc } from './libc/calls.ts';

/**
 * What a descriptor can be taken from: its number; anything with a numeric `fd` (a `FileHandle`, an
 * `Endpoint`, `process.stdin`); a `net.Socket`, `net.Server` or `dgram.Socket`.
 */
export type DescriptorSource = number | { readonly fd: number } | Socket | Server | DatagramSocket;

const MAX_FD = 2 ** 31 - 1;
const EXPECTED = `a descriptor (an integer from 0 to ${MAX_FD})`;

/**
 * The number of an open descriptor.
 *
 * It stays owned by whoever owns it: this only looks. Neither blocks nor calls the kernel, so the number may
 * be one that nobody has open.
 *
 * A socket object keeps what it has already read: take its descriptor before it starts to read (`pauseOnConnect`
 * for a server's connections), and destroy it when the descriptor was passed on.
 *
 * @returns the descriptor's number
 * @throws TypeError `ERR_INVALID_ARG_TYPE` for anything that has no descriptor
 * @throws RangeError `ERR_OUT_OF_RANGE` for a number that cannot be a descriptor, such as the -1 of a closed file
 * @see https://man7.org/linux/man-pages/man2/open.2.html
 * @example
 * ```js
 * import { createServer } from 'node:net';
 * import { descriptorOf } from 'fdchannel';
 *
 * console.log(descriptorOf(process.stdin)); // 0
 * const server = createServer().listen(0, () => {
 *   console.log(descriptorOf(server) > 2); // true
 *   server.close();
 * });
 * ```
 */
export function descriptorOf(source: DescriptorSource): number {
  return descriptorIn('source', source);
}

/**
 * The numbers of several, each of which was read once.
 *
 * @throws what {@link descriptorOf} throws
 */
export function descriptorsOf(sources: readonly DescriptorSource[], most: number): number[] {
  const length = checkedLength(sources);
  if (length > most) throw outOfRange('sources', `at most ${most} descriptors`, length);
  const fds = new Array<number>(length);
  for (let i = 0; i < length; i++) fds[i] = descriptorAt(sources, i);
  return fds;
}

/** Several descriptors in room that may be used again, so that nothing is allocated for them. */
export class DescriptorList {
  /** The first {@link count} of them count. */
  fds: Int32Array = new Int32Array(64);
  count = 0;

  /**
   * Reads several sources, each once.
   *
   * @throws what {@link descriptorOf} throws
   */
  read(sources: readonly DescriptorSource[]): void {
    const length = checkedLength(sources);
    if (length > this.fds.length) this.fds = new Int32Array(length);
    for (let i = 0; i < length; i++) this.fds[i] = descriptorAt(sources, i);
    this.count = length;
  }
}

function checkedLength(sources: readonly DescriptorSource[]): number {
  if (!Array.isArray(sources)) throw invalidArgType('sources', 'an array of descriptors', sources);
  return sources.length;
}

function descriptorAt(sources: readonly DescriptorSource[], index: number): number {
  const source = sources[index] as DescriptorSource;
  // The name is made for what may be refused only.
  return isDescriptor(source) ? source : descriptorIn(`sources[${index}]`, source);
}

function descriptorIn(name: string, source: DescriptorSource): number {
  if (typeof source === 'number') return checkDescriptor(name, source);
  const fd = typeof source === 'object' && source !== null ? numberIn(source as Handle) : undefined;
  if (fd !== undefined) return checkDescriptor(`${name}.fd`, fd);
  throw invalidArgType(name, `${EXPECTED}, or an open object that has one`, source);
}

/**
 * Closes a descriptor, such as one that was received.
 *
 * The caller owns the descriptor before, and nobody owns it afterwards, whatever is thrown. In a worker thread
 * `fs.closeSync` warns about numbers that `fs` did not open; this does not. May block as long as close(2) does.
 *
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor
 * @throws {@link SyscallError} `EBADF` for a number that is not open
 * @see https://man7.org/linux/man-pages/man2/close.2.html
 * @example
 * ```js
 * import { closeFD, newConnectedSockets } from 'fdchannel';
 *
 * const [a, b] = newConnectedSockets();
 * closeFD(a);
 * closeFD(b);
 * ```
 */
export function closeFD(fd: number): void {
  libc().close(checkDescriptor('fd', fd));
}

/**
 * Closes descriptors, such as those that were received together.
 *
 * The caller owns each of them before, and nobody owns any afterwards, whatever is thrown once they are closed. Where the
 * kernel has close_range(2), numbers that follow each other are closed by one call, which does not say what was not open.
 * May block as long as close(2) does.
 *
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor; none is
 *   closed then
 * @throws {@link SyscallError} `EBADF` for a number that is not open, after all others were closed
 * @see https://man7.org/linux/man-pages/man2/close_range.2.html
 * @example
 * ```js
 * import { closeFDs, newConnectedSockets } from 'fdchannel';
 *
 * closeFDs(newConnectedSockets());
 * ```
 */
export function closeFDs(fds: readonly number[]): void {
  if (!Array.isArray(fds)) throw invalidArgType('fds', 'an array of descriptors', fds);
  for (let i = 0; i < fds.length; i++) {
    if (!isDescriptor(fds[i])) checkDescriptor(`fds[${i}]`, fds[i] as number);
  }
  libc().closeAll(fds);
}

/** Refuses what is not a descriptor's number. */
export function checkDescriptor(name: string, fd: number): number {
  if (typeof fd !== 'number') throw invalidArgType(name, EXPECTED, fd, describe(fd) + ownerNote(fd));
  if (isDescriptor(fd)) return fd;
  throw outOfRange(name, EXPECTED, fd);
}

function isDescriptor(value: unknown): value is number {
  // False for NaN and fractions too, and without a branch for each.
  return typeof value === 'number' && (value & MAX_FD) === value;
}

/** An object that has a descriptor owns it, and may read from it or close it. */
function ownerNote(value: unknown): string {
  if (typeof value !== 'object' || value === null || numberIn(value) === undefined) return '';
  return ', which owns its descriptor: give the number of one that nothing else owns';
}

interface Handle {
  readonly fd?: unknown;
}

function numberIn(source: Handle): number | undefined {
  const fd = source.fd;
  if (typeof fd === 'number') return fd;
  const inHandle = handleOf(source)?.fd;
  return typeof inHandle === 'number' ? inHandle : undefined;
}

// Sockets have no public property for their descriptor; it is in the libuv handle behind them.
function handleOf(source: Handle & { _handle?: Handle | null }): Handle | null | undefined {
  // dgram.Socket keeps it under a symbol; it has a `_handle` too, but reading that prints a deprecation warning.
  const state = Object.getOwnPropertySymbols(source).find((symbol) => symbol.description === 'state symbol');
  if (state) return (source as Record<symbol, { handle?: Handle | null }>)[state]?.handle;
  return source._handle;
}
