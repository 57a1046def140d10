import { type BlockingOptions, checkTimeout } from './arguments.ts';
import { type DescriptorSource, descriptorsOf } from './descriptors.ts';
import { invalidArgType, invalidArgValue } from './errors.ts';
import { type Libc, libc } from './libc/calls.ts';
import { MAX_DESCRIPTORS } from './socket/control.ts';
import { UnixSocket } from './unix-socket.ts';

/** A descriptor that the service manager passed. */
export interface ListenFD {
  /** Close-on-exec, and owned by the caller. */
  readonly fd: number;
  /** The manager's name for it, such as `FileDescriptorName=` gives; undefined where the manager gave none. */
  readonly name: string | undefined;
}

/** SD_LISTEN_FDS_START of sd-daemon.h. */
const FIRST = 3;
const MOST = 2 ** 31 - FIRST;

/** LISTEN_PIDFDID names the process a second time (systemd 259). */
const VARIABLES = ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDNAMES'];

/**
 * The descriptors that the service manager started this process with: its sockets (socket activation), and what the
 * process has stored by {@link notify} before it was started again.
 *
 * The caller owns the descriptors from now on. They are made close-on-exec, and the variables that announce them are
 * removed from `process.env`, so that no child takes them for its own: a second call finds nothing. The variables are
 * removed, too, where they are meant for another process. Does not block.
 *
 * `process.env` in a worker thread is a copy: call this in the main thread alone, as two threads would own the same
 * numbers.
 *
 * @returns the descriptors in the manager's order; an empty array where the manager announces none; undefined where no
 *   manager asked, or another process is meant (a shell or `npm` that the manager started is not this process)
 * @throws TypeError `ERR_INVALID_ARG_VALUE` for a LISTEN_FDS that is not a number; nothing is changed then
 * @throws {@link SyscallError} `EBADF` where a descriptor is announced that is not open; nothing is changed then
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`, where a manager asked
 * @see https://man7.org/linux/man-pages/man3/sd_listen_fds.3.html
 * @example
 * ```js
 * import { createServer } from 'node:http';
 * import { listenFDs } from 'fdchannel/systemd';
 *
 * const [socket] = listenFDs() ?? [];
 * const server = createServer((request, response) => response.end('hello\n'));
 * server.listen(socket ?? 0, () => server.close());
 * ```
 */
export function listenFDs(): ListenFD[] | undefined {
  const { LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES } = process.env;
  if (LISTEN_FDS === undefined || LISTEN_PID !== String(process.pid)) {
    forget();
    return undefined;
  }
  const count = announced(LISTEN_FDS);
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  const passed: ListenFD[] = [];
  if (count > 0) {
    const c = libc();
    for (let i = 0; i < count; i++) passed.push({ fd: checkOpen(c, FIRST + i), name: names[i] || undefined });
    for (const { fd } of passed) c.setCloseOnExec(fd);
  }
  forget();
  return passed;
}

/**
 * Tells the service manager about this process.
 *
 * The descriptors are borrowed: the manager gets duplicates. With `FDSTORE=1` it keeps them, under the name that
 * `FDNAME=` gives, and passes them to the process that it starts in this one's place. Blocks while the manager's queue is
 * full. systemd ignores a message of more than 4096 bytes.
 *
 * @param state assignments, one a line, such as `READY=1`
 * @param sources up to 253 descriptors, or open objects that have one
 * @returns whether a manager was told; false where none asked, as NOTIFY_SOCKET is not set
 * @throws TypeError, RangeError for bad arguments, also where no manager asked
 * @throws TypeError `ERR_INVALID_ARG_VALUE` for a NOTIFY_SOCKET that names no Unix socket
 * @throws {@link SyscallError} `ENOENT`, `ECONNREFUSED`, `EACCES` where the manager cannot be reached; `EBADF` for a
 *   descriptor that is not open; `EMSGSIZE`; `ETIMEDOUT`
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`, where a manager asked
 * @see https://man7.org/linux/man-pages/man3/sd_notify.3.html
 * @example
 * ```js
 * import { createServer } from 'node:http';
 * import { notify } from 'fdchannel/systemd';
 *
 * const server = createServer();
 * server.listen(0, () => {
 *   notify('READY=1\nSTATUS=serving');
 *   notify('FDSTORE=1\nFDNAME=http', [server]);
 *   server.close();
 * });
 * ```
 */
export function notify(
  state: string,
  sources: readonly DescriptorSource[] = [],
  options?: BlockingOptions,
): boolean {
  if (typeof state !== 'string') throw invalidArgType('state', 'assignments, one a line', state);
  if (state === '') throw invalidArgValue('state', 'assignments, one a line', state);
  const descriptors = descriptorsOf(sources, MAX_DESCRIPTORS);
  const timeout = checkTimeout(options);
  const address = managerAddress();
  if (address === undefined) return false;
  const socket = UnixSocket.connect(address, { type: 'dgram' });
  try {
    socket.sendMessage(state, descriptors, { timeout });
  } finally {
    socket.destroy();
  }
  return true;
}

/**
 * Waits until the service manager has read all that {@link notify} has told it, such as before a process ends that has
 * been told of.
 *
 * Needs three descriptors while it runs. Blocks.
 *
 * @returns true; false where no manager asked
 * @throws what {@link notify} throws
 * @throws {@link SyscallError} `ETIMEDOUT` where the manager had not read all within `timeout`; `EMFILE`
 * @see https://man7.org/linux/man-pages/man3/sd_notify_barrier.3.html
 * @example
 * ```js
 * import { notify, notifyBarrier } from 'fdchannel/systemd';
 *
 * notify('STATUS=migrated the data');
 * notifyBarrier({ timeout: 5000 });
 * process.exit();
 * ```
 */
export function notifyBarrier(options?: BlockingOptions): boolean {
  const timeout = checkTimeout(options);
  const deadline = timeout === undefined ? undefined : performance.now() + timeout;
  if (managerAddress() === undefined) return false;
  const [ours, theirs] = UnixSocket.pair('stream');
  try {
    notify('BARRIER=1', [theirs], { timeout });
    // The manager has the only other descriptor of this end now, and closes it when it has read what came before.
    theirs.destroy();
    const left = deadline && Math.max(0, Math.ceil(deadline - performance.now()));
    ours.recvMessage({ timeout: left });
  } finally {
    ours.destroy();
    theirs.destroy();
  }
  return true;
}

function forget(): void {
  for (const name of VARIABLES) delete process.env[name];
}

function announced(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count <= MOST) return count;
  throw invalidArgValue('process.env.LISTEN_FDS', `a whole number from 0 to ${MOST}`, text);
}

function checkOpen(c: Libc, fd: number): number {
  c.check('fcntl', () => c.raw.fcntl(fd, c.abi.F_GETFD, 0));
  return fd;
}

/** Where the manager listens, or undefined where none does. */
function managerAddress(): string | undefined {
  const name = process.env['NOTIFY_SOCKET'];
  if (!name) return undefined;
  if (name.startsWith('/')) return name;
  if (name.startsWith('@')) return `\0${name.slice(1)}`;
  const expected = 'an absolute path, or an abstract name behind "@"';
  throw invalidArgValue('process.env.NOTIFY_SOCKET', expected, name);
}
