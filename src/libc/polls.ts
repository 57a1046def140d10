import type { LoopPoll, LoopPollCallback } from './binding.ts';
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

/**
 * Makes an open number refer to a new epoll(7) instance that watches `fd`, close-on-exec. Only where the ABI has
 * EPOLL_CTL_ADD.
 *
 * @param events those of poll(2), which epoll's are
 * @returns a function that makes it watch for other events
 */
export function epoll(c: Libc, number: number, fd: number, events: number): (events: number) => void {
  const { EPOLL_CTL_ADD, EPOLL_CTL_MOD, O_CLOEXEC } = c.abi;
  const { epoll_create1, epoll_ctl } = c.raw as Required<typeof c.raw>;
  const control = (op: number, wanted: number): void => {
    // An epoll_event begins with the events on every processor; nobody reads its data.
    c.scratch.words[0] = wanted;
    c.check('epoll_ctl', () => epoll_ctl(number, op, fd, c.scratch.address));
  };
  const instance = c.check('epoll_create1', () => epoll_create1(O_CLOEXEC));
  try {
    redirect(c, number, instance);
  } finally {
    c.discard(instance);
  }
  control(EPOLL_CTL_ADD, events);
  return (wanted) => control(EPOLL_CTL_MOD, wanted);
}

/**
 * Polls a descriptor on this thread's event loop. The number must be open, and polled by nobody else here.
 *
 * @param events POLLIN | POLLOUT
 */
export function pollOnLoop(c: Libc, fd: number, events: number, onEvent: LoopPollCallback): LoopPoll {
  return c.raw.pollOnLoop(fd, events, onEvent);
}
