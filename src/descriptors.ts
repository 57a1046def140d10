import type { Socket as DatagramSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { invalidArgType, outOfRange } from './errors.ts';

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
 */
export function descriptorOf(source: DescriptorSource): number {
  if (typeof source === 'number') return checkDescriptor('source', source);
  const fd = typeof source === 'object' && source !== null ? numberIn(source) : undefined;
  if (fd !== undefined) return checkDescriptor('source.fd', fd);
  throw invalidArgType('source', `${EXPECTED}, or an open object that has one`, source);
}

/** Refuses what is not a descriptor's number. */
export function checkDescriptor(name: string, fd: number): number {
  if (typeof fd !== 'number') throw invalidArgType(name, EXPECTED, fd);
  // False for NaN and fractions too, and without a branch for each.
  if ((fd & MAX_FD) === fd) return fd;
  throw outOfRange(name, EXPECTED, fd);
}

interface Handle {
  readonly fd?: unknown;
}

function numberIn(source: object): number | undefined {
  const candidates = [() => source as Handle, () => handleOf(source)];
  for (const candidate of candidates) {
    const fd = candidate()?.fd;
    if (typeof fd === 'number') return fd;
  }
  return undefined;
}

// Node gives sockets no public property for their descriptor, but in libuv's handle.
function handleOf(source: { _handle?: Handle | null }): Handle | null | undefined {
  // dgram.Socket keeps it under a symbol; it has a `_handle` too, but reading that prints a deprecation warning.
  const state = Object.getOwnPropertySymbols(source).find((symbol) => symbol.description === 'state symbol');
  if (state) return (source as Record<symbol, { handle?: Handle | null }>)[state]?.handle;
  return source._handle;
}
