import { readFileSync } from 'node:fs';
import type { Abi, SocketType } from '../abi/abi.ts';
import type { Libc } from './calls.ts';

/** Two connected `AF_UNIX` sockets, blocking and close-on-exec, owned by the caller. */
export function socketpair(c: Libc, type: SocketType): [number, number] {
  const { abi, scratch } = c;
  const kind = kindOf(abi, type) | abi.SOCK_CLOEXEC;
  c.check('socketpair', () => c.raw.socketpair(abi.AF_UNIX, kind, 0, scratch.address));
  const pair: [number, number] = [scratch.words[0] as number, scratch.words[1] as number];
  if (abi.SOCK_CLOEXEC === 0) for (const fd of pair) c.setCloseOnExec(fd);
  return pair;
}

/**
 * What kind of `AF_UNIX` socket a descriptor is.
 *
 * @returns the type, or undefined for a socket of another family or type
 */
export function socketType(c: Libc, fd: number): SocketType | undefined {
  const { abi, layout, scratch } = c;
  const kind = getsockopt(c, fd, abi.SO_TYPE);
  const { address, lengthAddress } = outParameter(c, SOCKADDR_BYTES);
  c.check('getsockname', () => c.raw.getsockname(fd, address, lengthAddress));
  // One byte holds every family: it is all of the BSDs' sa_family_t, and the low half of Linux's.
  if (scratch.bytes[layout.sockaddr.offset.sa_family] !== abi.AF_UNIX) return undefined;
  return TYPES.find((type) => kindOf(abi, type) === kind);
}

/** Whether a socket has a peer, or had one that is gone: not so a listening one. */
export function isConnected(c: Libc, fd: number): boolean {
  const { address, lengthAddress } = outParameter(c, SOCKADDR_BYTES);
  return c.check('getpeername', () => c.raw.getpeername(fd, address, lengthAddress), 'ENOTCONN') >= 0;
}

/** Ends both directions. A socket whose peer is gone is shut down already. */
export function shutdown(c: Libc, fd: number): void {
  // macOS and the BSDs say ENOTCONN of a socket whose peer has closed.
  c.check('shutdown', () => c.raw.shutdown(fd, c.abi.SHUT_RDWR), 'ENOTCONN');
}

/**
 * How many descriptors wait in a socket's receive queue.
 *
 * @returns undefined where the kernel does not say so (Linux does, since 5.6), or /proc cannot be read
 */
export function queuedDescriptors(fd: number): number | undefined {
  try {
    const [, count] = /^scm_fds:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined;
  }
}

const INT_BYTES = 4;

/** Room for any `sockaddr_un`: 110 bytes on Linux, 106 elsewhere. */
const SOCKADDR_BYTES = 112;

const TYPES: readonly SocketType[] = ['seqpacket', 'stream', 'dgram'];

function kindOf(abi: Abi, type: SocketType): number {
  return { seqpacket: abi.SOCK_SEQPACKET, stream: abi.SOCK_STREAM, dgram: abi.SOCK_DGRAM }[type];
}

function getsockopt(c: Libc, fd: number, option: number): number {
  const { address, lengthAddress } = outParameter(c, INT_BYTES);
  c.check('getsockopt', () => c.raw.getsockopt(fd, c.abi.SOL_SOCKET, option, address, lengthAddress));
  return c.scratch.words[0] as number;
}

/** A value of `bytes` at the beginning of the scratch memory, and its length at the end. */
function outParameter({ scratch }: Libc, bytes: number): { address: number; lengthAddress: number } {
  const lengthAt = scratch.bytes.length - INT_BYTES;
  scratch.words[lengthAt / INT_BYTES] = bytes;
  return { address: scratch.address, lengthAddress: scratch.address + lengthAt };
}
