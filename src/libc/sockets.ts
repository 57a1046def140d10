import { readFileSync } from 'node:fs';
import type { Abi, SocketType } from '../abi/abi.ts';
import { MOST_BYTES, nameIn, type SocketAddress } from './address.ts';
import type { Libc } from './calls.ts';

/** Who was at the other end when a connection was made. */
export interface PeerCredentials {
  /** The process; missing where the system does not tell. */
  readonly pid?: number;
  /** The effective user. */
  readonly uid: number;
  /** The effective group. */
  readonly gid: number;
}

/** More bytes than Linux sends at once, as long as nobody changes its limits (net.core.wmem_default). */
export const LONGEST = 262_144;

const TYPES: readonly SocketType[] = ['seqpacket', 'stream', 'dgram'];
const INT_BYTES = 4;

/** A close-on-exec `AF_UNIX` socket without a name or a peer, owned by the caller. */
export function socket(c: Libc, type: SocketType, nonblocking = false): number {
  const { abi } = c;
  const kind = kindOf(abi, type) | abi.SOCK_CLOEXEC | (nonblocking ? abi.SOCK_NONBLOCK : 0);
  const fd = c.check('socket', () => c.raw.socket(abi.AF_UNIX, kind, 0));
  if (abi.SOCK_CLOEXEC === 0) c.setCloseOnExec(fd);
  if (nonblocking && abi.SOCK_NONBLOCK === 0) setNonblocking(c, fd, true);
  return fd;
}

/** Two connected `AF_UNIX` sockets, blocking and close-on-exec, owned by the caller. */
export function socketpair(c: Libc, type: SocketType): [number, number] {
  const { abi, scratch } = c;
  const kind = kindOf(abi, type) | abi.SOCK_CLOEXEC;
  c.check('socketpair', () => c.raw.socketpair(abi.AF_UNIX, kind, 0, scratch.address));
  const pair: [number, number] = [scratch.words[0] as number, scratch.words[1] as number];
  if (abi.SOCK_CLOEXEC === 0) for (const fd of pair) c.setCloseOnExec(fd);
  return pair;
}

/** Gives a socket a name. */
export function bind(c: Libc, fd: number, to: SocketAddress): void {
  c.check('bind', () => c.raw.bind(fd, to.address, to.length), { address: to.name });
}

/** Has a socket take connections. */
export function listen(c: Libc, fd: number, backlog: number): void {
  c.check('listen', () => c.raw.listen(fd, backlog));
}

/**
 * Connects a socket.
 *
 * @returns false where a non-blocking socket would have to wait for room in the backlog
 */
export function connect(c: Libc, fd: number, to: SocketAddress): boolean {
  const call = (): number => c.raw.connect(fd, to.address, to.length);
  return c.check('connect', call, { answers: { EAGAIN: -1 }, address: to.name }) >= 0;
}

/**
 * A new non-blocking socket that is connected, owned by the caller. Only where the ABI has SOCK_NONBLOCK.
 *
 * @returns undefined where it would have to wait for room in the backlog; it is closed then, as after an error
 */
export function socketTo(c: Libc, type: SocketType, to: SocketAddress): number | undefined {
  const { abi, raw } = c;
  const { address, length, name } = to;
  const kind = kindOf(abi, type) | abi.SOCK_CLOEXEC | abi.SOCK_NONBLOCK;
  // Calls of C in a row. A worker that is terminated stops where JavaScript is called, or loops: not between these,
  // where it would leave the socket open.
  const fd = raw.socket(abi.AF_UNIX, kind, 0);
  if (fd < 0) throw c.error(raw.errno(), 'socket');
  if (raw.connect(fd, address, length) >= 0) return fd;
  const errno = raw.errno();
  raw.close(fd);
  if (errno === raw.errnos['EAGAIN']) return undefined;
  throw c.error(errno, 'connect', { address: name });
}

/**
 * Takes a connection.
 *
 * @returns a blocking, close-on-exec socket, owned by the caller; undefined when none is there
 */
export function accept(c: Libc, fd: number): number | undefined {
  const { accept4 } = c.raw;
  // ECONNABORTED: the peer that waited first is gone, which some systems say.
  const answers = { EAGAIN: -1, ECONNABORTED: -1 };
  if (accept4) {
    const accepted = c.check('accept4', () => accept4(fd, 0, 0, c.abi.SOCK_CLOEXEC), { answers });
    return accepted < 0 ? undefined : accepted;
  }
  const accepted = c.check('accept', () => c.raw.accept(fd, 0, 0), { answers });
  if (accepted < 0) return undefined;
  c.setCloseOnExec(accepted);
  // macOS gives it the listening socket's own flags.
  setNonblocking(c, accepted, false);
  return accepted;
}

/** Switches O_NONBLOCK of a description, which other processes may share. */
export function setNonblocking(c: Libc, fd: number, on: boolean): void {
  const { F_GETFL, F_SETFL, O_NONBLOCK } = c.abi;
  const flags = c.check('fcntl', () => c.raw.fcntl(fd, F_GETFL, 0));
  const wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags) c.check('fcntl', () => c.raw.fcntl(fd, F_SETFL, wanted));
}

/**
 * What kind of `AF_UNIX` socket a descriptor is.
 *
 * @returns the type, or undefined for a socket of another family or type
 */
export function socketType(c: Libc, fd: number): SocketType | undefined {
  const { abi, layout, scratch } = c;
  const kind = getsockopt(c, fd, abi.SOL_SOCKET, abi.SO_TYPE);
  getsockname(c, fd);
  // One byte holds every family: it is all of the BSDs' sa_family_t, and the low half of Linux's.
  if (scratch.bytes[layout.sockaddr_un.offset.sun_family] !== abi.AF_UNIX) return undefined;
  return TYPES.find((type) => kindOf(abi, type) === kind);
}

/** Whether a socket has a peer, or had one that is gone: not so a listening one. */
export function isConnected(c: Libc, fd: number): boolean {
  const { address, lengthAddress } = outParameter(c, MOST_BYTES);
  const call = (): number => c.raw.getpeername(fd, address, lengthAddress);
  // macOS says EINVAL of a socket that was shut down.
  const answers = { ENOTCONN: -1, EINVAL: 0 };
  return c.check('getpeername', call, { answers }) >= 0;
}

export function isListening(c: Libc, fd: number): boolean {
  return getsockopt(c, fd, c.abi.SOL_SOCKET, c.abi.SO_ACCEPTCONN) !== 0;
}

/** The name of a socket, or undefined when it has none. */
export function nameOf(c: Libc, fd: number): string | undefined {
  return nameIn(c, c.scratch.bytes, getsockname(c, fd));
}

/** Ends a direction, or both. A socket whose peer is gone is shut down already. */
export function shutdown(c: Libc, fd: number, how: number = c.abi.SHUT_RDWR): void {
  // macOS and the BSDs say ENOTCONN of a socket whose peer has closed.
  c.check('shutdown', () => c.raw.shutdown(fd, how), { answers: { ENOTCONN: 0 } });
}

/** Who was at the other end when the connection, or the pair, was made. */
export function peerCredentials(c: Libc, fd: number): PeerCredentials {
  const { abi, layout, scratch, raw } = c;
  if (raw.getpeereid) {
    const { getpeereid } = raw;
    c.check('getpeereid', () => getpeereid(fd, scratch.address, scratch.address + INT_BYTES));
    const [uid = 0, gid = 0] = new Uint32Array(scratch.bytes.buffer);
    return abi.LOCAL_PEERPID === 0
      ? { uid, gid }
      : { pid: getsockopt(c, fd, abi.SOL_LOCAL, abi.LOCAL_PEERPID), uid, gid };
  }
  getsockopt(c, fd, abi.SOL_SOCKET, abi.SO_PEERCRED, layout.ucred.size);
  const words = new Uint32Array(scratch.bytes.buffer);
  const { pid, uid, gid } = layout.ucred.offset;
  const [peer = 0, user = 0, group = 0] = [pid, uid, gid].map((offset) => words[offset / INT_BYTES]);
  // Linux says process 0 and user -1 of a socket that was never connected.
  if (peer === 0 && user === 0xffffffff) throw c.refusal('ENOTCONN', 'getsockopt');
  return { pid: peer, uid: user, gid: group };
}

/**
 * Reads an option.
 *
 * @param bytes the size of its value, which is left in the scratch memory
 * @returns the value's first word
 */
export function getsockopt(
  c: Libc,
  fd: number,
  level: number,
  option: number,
  bytes: number = INT_BYTES,
): number {
  const { address, lengthAddress } = outParameter(c, bytes);
  c.check('getsockopt', () => c.raw.getsockopt(fd, level, option, address, lengthAddress));
  return c.scratch.words[0] as number;
}

/** Sets an option. */
export function setsockopt(c: Libc, fd: number, level: number, option: number, value: number): void {
  c.scratch.words[0] = value;
  c.check('setsockopt', () => c.raw.setsockopt(fd, level, option, c.scratch.address, INT_BYTES));
}

/** How many bytes of data wait in a socket's receive queue. */
export function queuedBytes(c: Libc, fd: number): number {
  c.check('ioctl', () => c.raw.ioctl(fd, c.abi.FIONREAD, c.scratch.address));
  return c.scratch.words[0] as number;
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

function kindOf(abi: Abi, type: SocketType): number {
  return { seqpacket: abi.SOCK_SEQPACKET, stream: abi.SOCK_STREAM, dgram: abi.SOCK_DGRAM }[type];
}

/** Writes a socket's name into the scratch memory, and returns its length. */
function getsockname(c: Libc, fd: number): number {
  const { address, lengthAddress } = outParameter(c, MOST_BYTES);
  c.check('getsockname', () => c.raw.getsockname(fd, address, lengthAddress));
  return c.scratch.words[lengthAt(c) / INT_BYTES] as number;
}

/** A value of `bytes` at the beginning of the scratch memory, and its length at the end. */
function outParameter(c: Libc, bytes: number): { address: number; lengthAddress: number } {
  const { scratch } = c;
  scratch.words[lengthAt(c) / INT_BYTES] = bytes;
  return { address: scratch.address, lengthAddress: scratch.address + lengthAt(c) };
}

function lengthAt({ scratch }: Libc): number {
  return scratch.bytes.length - INT_BYTES;
}
