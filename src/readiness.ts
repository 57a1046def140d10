import { setImmediate } from 'node:timers';
import { isMainThread } from 'node:worker_threads';
import { guardedPoll } from './guarded-poll.ts';
import type { LoopEvents, LoopPoll } from './libc/binding.ts';
import type { Libc } from './libc/calls.ts';

/** Nothing: the poll is stopped. */
export const NONE = 0;
export const READABLE = 1;
export const WRITABLE = 2;

// When Node takes an environment down it turns the loop once more, and an event for JavaScript that may run no
// more makes koffi abort the process. So nothing is polled after the thread's exit event.
const polls = new Set<Readiness>();
let registered = false;
let exiting = false;

function stopAtExit(): void {
  exiting = true;
  for (const poll of polls) poll.arm(NONE);
}

// koffi calls back outside of what Node calls a callback, so what is resolved in it goes on when Node next has one of its
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
 * Tells on this thread's event loop when a socket is readable or writable, for as long as it is asked to. The
 * socket itself is never changed: neither its status flags nor its number.
 */
export class Readiness {
  readonly #libc: Libc;
  readonly #onReady: (events: number) => void;
  /** The number that koffi polls. */
  readonly #number: number | undefined;
  readonly #poll: LoopPoll;
  #armed = NONE;

  /**
   * @param fd a socket, borrowed: it is polled through a duplicate
   * @param events what to wait for first, READABLE | WRITABLE
   * @param onReady is called with the events that are there, again in each turn of the loop until they are
   *   gone or no longer asked for; after a socket error with both, and then nothing is asked for any more
   * @throws SyscallError when `fd` is not an open socket, or at the descriptor limit
   */
  constructor(libc: Libc, fd: number, events: number, onReady: (events: number) => void) {
    this.#libc = libc;
    this.#onReady = onReady;
    const guarded = isMainThread ? undefined : guardedPoll(libc, fd, loopEvents(events), this.#onEvent);
    if (guarded) this.#poll = guarded;
    else [this.#poll, this.#number] = this.#pollByKoffi(fd, events);
    this.#armed = events;
    if (!registered) process.once('exit', stopAtExit);
    registered = true;
    polls.add(this);
    if (exiting) this.arm(NONE);
  }

  #pollByKoffi(fd: number, events: number): [LoopPoll, number] {
    const libc = this.#libc;
    // libuv aborts the process over a number that it polls already, so each poll gets a number of its own. And
    // it sets O_NONBLOCK on the description that it finds there, which other processes may share: so it finds
    // one that nobody uses, and the number is turned to the socket before the loop looks at it.
    const number = libc.placeholder();
    let poll: LoopPoll | undefined;
    try {
      poll = libc.pollOnLoop(number, loopEvents(events), this.#onEvent);
      libc.redirect(number, fd);
      // libuv aborts over what epoll(7) refuses, a regular file for one: `fd` may have been closed and reused.
      libc.unixSocketType(number);
    } catch (error) {
      poll?.close();
      libc.discard(number);
      throw error;
    }
    return [poll, number];
  }

  /** What is waited for now. */
  get armed(): number {
    return this.#armed;
  }

  /** Waits for other events. */
  arm(events: number): void {
    if (events === this.#armed || (exiting && events !== NONE)) return;
    if (events === NONE) this.#poll.stop();
    else this.#poll.start(loopEvents(events), this.#onEvent);
    this.#armed = events;
  }

  /** Decides whether the loop stays alive while something is waited for. */
  keepAlive(yes: boolean): void {
    if (yes) this.#poll.ref();
    else this.#poll.unref();
  }

  /** Ends it; no event comes any more, and nothing else may be called. */
  close(): void {
    polls.delete(this);
    // In this order: libuv has to forget the number before it can belong to somebody else.
    this.#poll.close();
    if (this.#number !== undefined) this.#libc.discard(this.#number);
  }

  readonly #onEvent = (status: number, { readable, writable }: LoopEvents): void => {
    if (this.#number !== undefined) goOn();
    if (status < 0) {
      // A socket error comes without an event, and libuv has stopped the poll.
      this.#armed = NONE;
      this.#onReady(READABLE | WRITABLE);
    } else {
      this.#onReady((readable ? READABLE : NONE) | (writable ? WRITABLE : NONE));
    }
  };
}

function loopEvents(events: number): LoopEvents {
  return { readable: (events & READABLE) !== 0, writable: (events & WRITABLE) !== 0 };
}
