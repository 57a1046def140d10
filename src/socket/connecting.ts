import type { SocketType } from '../abi/abi.ts';
import type { SocketAddress } from '../libc/address.ts';
import type { Libc } from '../libc/calls.ts';
import { connect, setNonblocking, socket, socketTo } from '../libc/sockets.ts';
import { mustRetry, retryBlocking, retrySoon } from './retries.ts';

/** A blocking socket that is connected to an address, owned by the caller. Waits while the backlog is full. */
export function connectBlocking(
  c: Libc,
  type: SocketType,
  to: SocketAddress,
  timeout: number | undefined,
): number {
  if (!mustRetry(timeout)) return connected(c, socket(c, type), to) as number;
  return retryBlocking(
    c,
    () => connectNow(c, type, to),
    timeout,
    () => {
      const detail = `(the backlog was full for ${timeout} ms)`;
      return c.refusal('ETIMEDOUT', 'connect', { address: to.name, detail });
    },
  );
}

/** The same on the event loop. */
export function connectSoon(
  c: Libc,
  type: SocketType,
  to: SocketAddress,
  signal: AbortSignal | undefined,
): Promise<number> {
  return retrySoon(() => connectNow(c, type, to), signal);
}

/** Undefined where the backlog is full. Linux reports room in it to nobody who polls, so the socket is of no more use. */
function connectNow(c: Libc, type: SocketType, to: SocketAddress): number | undefined {
  const fd = c.abi.SOCK_NONBLOCK === 0 ? connected(c, socket(c, type, true), to) : socketTo(c, type, to);
  if (fd !== undefined) setNonblocking(c, fd, false);
  return fd;
}

/** Connects a socket, which is closed where that fails. */
function connected(c: Libc, fd: number, to: SocketAddress): number | undefined {
  let done = false;
  try {
    done = connect(c, fd, to);
  } finally {
    if (!done) c.discard(fd);
  }
  return done ? fd : undefined;
}
