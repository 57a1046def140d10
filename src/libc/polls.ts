import type { Libc } from './calls.ts';
import { socketpair } from './sockets.ts';

/**
 * A descriptor whose number is to be redirected later. Until then it is an unconnected socket of its own.
 * Close-on-exec, owned by the caller.
 */
export function placeholder(c: Libc): number {
  const [number, other] = socketpair(c, 'stream');
  c.discard(other);
  return number;
}

/** Makes an open number refer to what `fd` refers to, close-on-exec; what it referred to before is closed. */
export function redirect(c: Libc, number: number, fd: number): void {
  const { dup3 } = c.raw;
  if (dup3) {
    c.check('dup3', () => dup3(fd, number, c.abi.O_CLOEXEC));
  } else {
    c.check('dup2', () => c.raw.dup2(fd, number));
    c.setCloseOnExec(number);
  }
}

/** A new epoll(7) instance, close-on-exec, owned by the caller. Only where the ABI has `epoll_event`. */
export function epollCreate(c: Libc): number {
  const { epoll_create1 } = c.raw as Required<typeof c.raw>;
  return c.check('epoll_create1', () => epoll_create1(c.abi.O_CLOEXEC));
}

/**
 * Changes what an epoll(7) instance watches.
 *
 * @param op one of EPOLL_CTL_*
 * @param event the address of an `epoll_event`
 */
export function epollControl(c: Libc, epfd: number, op: number, fd: number, event: number): void {
  const { epoll_ctl } = c.raw as Required<typeof c.raw>;
  c.check('epoll_ctl', () => epoll_ctl(epfd, op, fd, event));
}

/**
 * Asks an epoll(7) instance what is ready, without waiting.
 *
 * @param events the address of room for `most` times an `epoll_event`
 * @returns how many were written
 */
export function epollReady(c: Libc, epfd: number, events: number, most: number): number {
  const { epoll_wait } = c.raw as Required<typeof c.raw>;
  return c.check('epoll_wait', () => epoll_wait(epfd, events, most, 0));
}

/**
 * Asks which of several descriptors are ready, without waiting.
 *
 * @param fds the address of `count` times a `pollfd`
 * @returns how many have events
 */
export function pollReady(c: Libc, fds: number, count: number): number {
  return c.check('poll', () => c.raw.poll(fds, count, 0));
}
