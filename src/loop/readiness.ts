import { setImmediate } from 'node:timers';
import { isMainThread } from 'node:worker_threads';
import type { LoopPoll } from '../libc/binding.ts';
import type { Libc } from '../libc/calls.ts';
import { placeholder, pollOnLoop, redirect } from '../libc/polls.ts';
import { socketType } from '../libc/sockets.ts';
import { guardedPoll } from './guarded-poll.ts';

/**
 * After its last wait the poll stays armed for ten microtask turns: a caller that awaits a few promises and then waits
 * again costs no epoll_ctl.
 */
const PATIENCE = 10;

const NEXT_MICROTASK: Promise<void> = Promise.resolve();

// When Node ends a thread it turns the loop once more, and an event for JavaScript that may not run any more makes
// koffi abort the process. So nothing is polled after the thread's exit event.
const polls = new Set<Readiness>();
let registered = false;
let exiting = false;

function stopAtExit(): void {
  exiting = true;
  for (const poll of polls) poll.stop();
}

// koffi's callback runs outside Node's callback scope, so promises that it resolves go on at the next callback of Node's
// own. Most Nodes make sure of one in every turn of the loop; 26.10 lets the loop sleep before. An immediate is one.
let turning = false;

function goOn(): void {
  if (turning) return;
  turning = true;
  setImmediate(turned);
}

function turned(): void {
  turning = false;
}

/**
 * Tells on this thread's event loop when a socket is ready, for as long as it is asked to. The socket itself is never
 * changed: neither its status flags nor its number.
 */
export class Readiness {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #onReady: (events: number) => void;
  #poll: LoopPoll | undefined;
  #keepsAlive = true;
  #wanted = 0;
  #armed = 0;
  #patience = 0;

  /**
   * @param fd a socket, borrowed
   * @param onReady is called with the events of poll(2) that are there, again in each turn of the loop until they are
   *   gone or no longer wanted
   */
  constructor(libc: Libc, fd: number, onReady: (events: number) => void) {
    this.#libc = libc;
    this.#fd = fd;
    this.#onReady = onReady;
  }

  /**
   * Looks for events from now on.
   *
   * @param events POLLIN | POLLOUT, or 0 for none
   * @throws SyscallError when the socket is not open, or at the descriptor limit
   */
  want(events: number): void {
    this.#wanted = events;
    if ((events & ~this.#armed) !== 0) this.#arm(this.#armed | events);
    else if (events !== this.#armed) this.#settleSoon();
  }

  /** Decides whether the loop stays alive while something is wanted. */
  keepAlive(yes: boolean): void {
    this.#keepsAlive = yes;
    if (yes) this.#poll?.ref();
    else this.#poll?.unref();
  }

  /** Stops looking, for good. */
  stop(): void {
    this.#arm(0);
  }

  /** Ends it; no event comes any more. */
  close(): void {
    polls.delete(this);
    this.#wanted = 0;
    this.#armed = 0;
    this.#poll?.close();
    this.#poll = undefined;
  }

  #arm(events: number): void {
    if (!this.#poll) this.#open(events);
    else if (events === 0) this.#poll.stop();
    else if (!exiting) this.#poll.start(events);
    this.#armed = events;
    if (exiting) this.#poll?.stop();
  }

  #open(events: number): void {
    this.#poll =
      (isMainThread ? undefined : guardedPoll(this.#libc, this.#fd, events, this.#onEvent)) ??
      koffiPoll(this.#libc, this.#fd, events, this.#onEvent);
    if (!this.#keepsAlive) this.#poll.unref();
    if (!registered) process.once('exit', stopAtExit);
    registered = true;
    polls.add(this);
  }

  readonly #onEvent = (status: number, events: number): void => {
    const { POLLIN, POLLOUT } = this.#libc.abi;
    if (status < 0) {
      // After a socket error, which comes without an event, libuv has stopped the poll. Waits that are left need it again.
      this.#armed = 0;
      this.#onReady(POLLIN | POLLOUT);
      if (this.#wanted !== 0) this.want(this.#wanted);
    } else {
      this.#onReady(events);
    }
  };

  #settleSoon(): void {
    if (this.#patience === 0) NEXT_MICROTASK.then(this.#settle);
    this.#patience = PATIENCE;
  }

  readonly #settle = (): void => {
    if (!this.#poll || this.#armed === this.#wanted) this.#patience = 0;
    else if (--this.#patience > 0) NEXT_MICROTASK.then(this.#settle);
    else this.#arm(this.#wanted);
  };
}

/** A poll of koffi's, which owns the number that it polls. */
function koffiPoll(
  libc: Libc,
  fd: number,
  events: number,
  onEvent: (status: number, events: number) => void,
): LoopPoll {
  // libuv aborts the process over a number that it polls already, so each poll gets a number of its own. It sets
  // O_NONBLOCK on the description that it finds there, which other processes may share: so it finds a placeholder, and
  // the number is redirected to the socket before the loop looks at it.
  const number = placeholder(libc);
  let poll: LoopPoll | undefined;
  try {
    poll = pollOnLoop(libc, number, events, (status, seen) => {
      goOn();
      onEvent(status, seen);
    });
    redirect(libc, number, fd);
    // libuv aborts over what epoll(7) refuses, a regular file for one: `fd` may have been closed and reused.
    socketType(libc, number);
  } catch (error) {
    poll?.close();
    libc.discard(number);
    throw error;
  }
  const opened = poll;
  return {
    start: (others) => opened.start(others),
    stop: () => opened.stop(),
    close() {
      // In this order: libuv has to forget the number before it can belong to somebody else.
      opened.close();
      libc.discard(number);
    },
    ref: () => opened.ref(),
    unref: () => opened.unref(),
  };
}
