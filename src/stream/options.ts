import { checkCount, checkObject } from '../arguments.ts';
import { checkDescriptor } from '../descriptors.ts';
import { invalidArgType } from '../errors.ts';
import { libc } from '../libc/calls.ts';
import { socketType } from '../libc/sockets.ts';
import { UnixSocket } from '../unix-socket.ts';

/** Options of a {@link UnixStream}. */
export interface UnixStreamOptions {
  /** How many bytes are read ahead, and buffered for writing, before the other side has to wait. @default 65536 */
  readonly highWaterMark?: number | undefined;
  /** How many received descriptors may wait for somebody to take them. @default 253 */
  readonly maxFds?: number | undefined;
  /** Whether this side may go on writing after the peer has ended its side. @default false */
  readonly allowHalfOpen?: boolean | undefined;
}

const DEFAULT_BYTES = 65_536;
const DEFAULT_FDS = 253;

/** The most bytes and descriptors that an option may ask for. */
export const MOST: number = 2 ** 30;

/** The options with their defaults. */
export function checkStreamOptions(options: UnixStreamOptions): {
  highWaterMark: number;
  maxFds: number;
  allowHalfOpen: boolean;
} {
  const { allowHalfOpen = false, highWaterMark, maxFds } = checkObject(options);
  if (typeof allowHalfOpen !== 'boolean') {
    throw invalidArgType('options.allowHalfOpen', 'a boolean', allowHalfOpen);
  }
  return {
    allowHalfOpen,
    highWaterMark: checkCount('options.highWaterMark', highWaterMark, 1, MOST, DEFAULT_BYTES),
    maxFds: checkCount('options.maxFds', maxFds, 0, MOST, DEFAULT_FDS),
  };
}

/** A socket that a stream may take: of type STREAM. */
export function streamSocket(socket: UnixSocket | number): UnixSocket {
  const expected = 'a connected socket of type STREAM, or its number';
  if (typeof socket === 'number') {
    const type = socketType(libc(), checkDescriptor('socket', socket));
    if (type !== 'stream') throw invalidArgType('socket', expected, socket, `one of type ${type}`);
    return new UnixSocket(socket);
  }
  if (!(socket instanceof UnixSocket)) throw invalidArgType('socket', expected, socket);
  if (socket.type !== 'stream') {
    throw invalidArgType('socket', expected, socket, `one of type ${socket.type}`);
  }
  // A socket that was destroyed or given away says so.
  return socket.ref();
}
