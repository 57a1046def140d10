import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { SocketType } from '../abi/abi.ts';
import { SyscallError } from '../errors.ts';
import { SocketAddress } from '../libc/address.ts';
import type { Libc } from '../libc/calls.ts';
import { bind, connect, socket } from '../libc/sockets.ts';

const PERMISSIONS = 0o777;

/** A name that a socket was given, and the file that was made for it. */
export interface BoundName {
  readonly address: string;
  readonly file: { readonly dev: number; readonly ino: number } | undefined;
}

/**
 * An address that stays the same when the process changes its folder.
 *
 * @param address a path or an abstract name
 */
export function absolute(c: Libc, address: string): string {
  if (typeof address !== 'string' || address === '' || address.startsWith('\0') || isAbsolute(address)) {
    return address;
  }
  // Not by resolve(), which takes `link/..` for nothing: the kernel follows the link.
  const path = `${process.cwd().replace(/\/?$/, '/')}${address}`;
  return Buffer.byteLength(path) < c.abi.SUN_PATH_BYTES ? path : address;
}

/**
 * Gives a socket a name. The file of a path belongs to nobody else from the first moment on, unless `mode` says so.
 *
 * @param mode the permissions of the file
 * @param replace whether a socket's file that nobody listens on makes room
 */
export function bindName(
  c: Libc,
  fd: number,
  address: string,
  type: SocketType,
  mode: number,
  replace: boolean,
): BoundName {
  const to = new SocketAddress(c, address, 'bind');
  if (address.startsWith('\0')) {
    bind(c, fd, to);
    return { address, file: undefined };
  }
  try {
    return bindPath(c, fd, to, mode);
  } catch (error) {
    const taken = error instanceof SyscallError && error.code === 'EADDRINUSE';
    if (!taken || !replace || !removesStale(c, type, to)) throw error;
    return bindPath(c, fd, to, mode);
  }
}

/** Removes the file that was made for a name, and no other that has its path now. */
export function unlinkName({ address, file }: BoundName): void {
  if (!file) return;
  try {
    const { dev, ino } = lstatSync(address);
    if (dev === file.dev && ino === file.ino) unlinkSync(address);
  } catch {
    // It is gone, or its folder is.
  }
}

function bindPath(c: Libc, fd: number, to: SocketAddress, mode: number): BoundName {
  // On Linux the file gets the socket's own mode, but for what the umask takes away.
  if (c.check('fchmod', () => c.raw.fchmod(fd, mode), { answers: { EINVAL: -1 } }) >= 0) bind(c, fd, to);
  else bindUnderUmask(c, fd, to, mode);
  const made = lstatSync(to.name);
  const bound = { address: to.name, file: made };
  try {
    if ((made.mode & PERMISSIONS) !== mode) chmodSync(to.name, mode);
  } catch (error) {
    unlinkName(bound);
    throw error;
  }
  return bound;
}

/**
 * For systems that refuse fchmod(2) of a socket, where the umask alone decides. It is the whole process's: a file that
 * another thread makes at this moment gets fewer permissions, too.
 */
function bindUnderUmask(c: Libc, fd: number, to: SocketAddress, mode: number): void {
  const before = c.raw.umask(PERMISSIONS & ~mode);
  try {
    bind(c, fd, to);
  } finally {
    c.raw.umask(before);
  }
}

/** Removes a socket's file when nobody listens there. */
function removesStale(c: Libc, type: SocketType, to: SocketAddress): boolean {
  const before = lstatSync(to.name, { throwIfNoEntry: false });
  if (!before) return true;
  if (!before.isSocket()) return false;
  const fd = socket(c, type, true);
  try {
    connect(c, fd, to);
    return false;
  } catch (error) {
    if (!(error instanceof SyscallError && error.code === 'ECONNREFUSED')) return false;
  } finally {
    c.discard(fd);
  }
  unlinkName({ address: to.name, file: before });
  return true;
}
