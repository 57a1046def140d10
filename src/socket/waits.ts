import { setImmediate } from 'node:timers';
import { isMainThread } from 'node:worker_threads';
import type { Libc } from '../libc/calls.ts';
import { Registration, type Watcher } from '../loop/reactor.ts';
import { onAbort } from './aborts.ts';
import { type Direction, type Operation, Queue, TURN, Wait, type Waiting } from './wait.ts';

const DIRECTIONS: readonly Direction[] = ['in', 'out'];

/** How many receives in a row may wait without having asked. */
const UNASKED = 7;

const NOW: Promise<void> = Promise.resolve();

/** How long a worker thread stays in the kernel: until then it cannot be terminated. In milliseconds. */
const SLICE = 100;

/**
 * Waiting for one socket, blocking or on the event loop. Which call is made, and what its result means, the caller
 * brings along.
 *
 * Waits of one direction are served first come, first served.
 */
export class Waits implements Watcher {
  readonly #libc: Libc;
  readonly #socket: { readonly fd: number };
  readonly #DONTWAIT: number;
  // Each is made for the first wait of its direction.
  #in: Queue | undefined;
  #out: Queue | undefined;
  #registration: Registration | undefined;
  #keepsAlive = true;
  #budget = TURN;
  #nextTurn: Promise<void> | undefined;
  /** Receives in a row that have asked in vain. */
  #vain = 0;
  /** How many of the next receives need not ask. */
  #unasked = 0;

  constructor(libc: Libc, socket: { readonly fd: number }) {
    this.#libc = libc;
    this.#socket = socket;
    this.#DONTWAIT = libc.abi.MSG_DONTWAIT;
  }

  /** The flags of a blocking call's first attempt: 0 where the call itself may wait in the kernel. */
  firstFlags(timeout: number | undefined): number {
    // A worker that the kernel holds could not be terminated.
    return timeout === undefined && isMainThread ? 0 : this.#DONTWAIT;
  }

  /**
   * Blocks until an attempt succeeds, after one that did not. Retries EINTR; blocks on a non-blocking socket, too.
   *
   * @param timeout milliseconds; undefined for no limit
   * @throws SyscallError `ETIMEDOUT`
   */
  block<T>({ direction, syscall }: Operation, call: Waiting<T>, timeout: number | undefined): T {
    const events = this.#eventsOf(direction);
    const flags = this.firstFlags(timeout);
    // Of a full socket that may send no more, poll(2) says nothing: behind each slice it tries.
    const slice = isMainThread && direction === 'in' ? Number.POSITIVE_INFINITY : SLICE;
    const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
    for (;;) {
      const left = Math.max(0, Math.ceil(deadline - performance.now()));
      const wait = Math.min(left, slice);
      const seen = this.#libc.poll(this.#socket.fd, events, wait === Number.POSITIVE_INFINITY ? -1 : wait);
      if (seen !== 0 || wait < left) {
        const result = this.clear(direction, flags) ? call.attempt(flags) : undefined;
        if (result !== undefined) return result;
        if (left > 0) continue;
      }
      const what = direction === 'in' ? 'nothing came' : 'no room came';
      throw this.#libc.refusal('ETIMEDOUT', syscall, { detail: `(${what} within ${timeout} ms)` });
    }
  }

  /**
   * Finishes a call that waits half done: whoever sends without waiting in turn may overtake others, but not come in
   * between.
   *
   * @returns whether the way is free
   */
  clear(direction: Direction, flags: number): boolean {
    const head = this.#first(direction);
    return !head?.begun || head.serve(flags);
  }

  /**
   * Makes the call at once when nobody waits before it, and otherwise waits its turn on the event loop. Throws
   * nothing: every error is a rejection.
   *
   * @returns a promise of the attempt's result; when the signal aborts, it rejects with the signal's reason, and
   *   nothing was taken or sent, unless what waits says otherwise
   */
  soon<T>(operation: Operation, call: Waiting<T>, signal: AbortSignal | undefined): Promise<T> {
    const { direction } = operation;
    // A receive that may be aborted, perhaps before the loop turns, asks always, and is no evidence.
    const expects = direction === 'in' && signal === undefined;
    if (!this.#first(direction) && !(expects && this.#expectsNothing())) {
      try {
        const result = call.attempt(this.#DONTWAIT);
        if (expects) this.#learn(result === undefined);
        if (result !== undefined) return this.#spend()?.then(() => result) ?? Promise.resolve(result);
      } catch (error) {
        if (expects) this.#learn(false);
        return (this.#spend() ?? NOW).then(() => Promise.reject(error));
      }
    }
    return new Promise((resolve, reject) => {
      this.enter(operation, call.hold?.() ?? call, signal, resolve as (result: unknown) => void, reject);
    });
  }

  /**
   * Waits its turn on the event loop. Whoever is told of the outcome is so in the middle of the loop's work, and must not
   * run foreign code. Throws nothing.
   *
   * @returns the wait, which its owner may end
   */
  enter(
    operation: Operation,
    held: Waiting,
    signal: AbortSignal | undefined,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ): Wait {
    const wait = new Wait(operation, held, signal, resolve, reject);
    this.#queue(operation.direction).add(wait);
    try {
      if (signal) onAbort(signal, wait);
      this.#want();
    } catch (error) {
      wait.fail(error);
    }
    return wait;
  }

  /** Decides whether waits keep the event loop alive. */
  keepAlive(yes: boolean): void {
    this.#keepsAlive = yes;
    this.#registration?.keepAlive(yes);
  }

  /** Fails everything that waits. No event comes any more once this has begun. */
  end(errorOf: (syscall: string) => Error): void {
    this.#registration?.close();
    this.#registration = undefined;
    // One error for all waits of a call: a stack trace for each of ten thousand would take a quarter of a second.
    const errors = new Map<string, Error>();
    for (const direction of DIRECTIONS) {
      for (let wait = this.#first(direction); wait; wait = this.#first(direction)) {
        const { syscall } = wait.operation;
        const error = errors.get(syscall) ?? errorOf(syscall);
        errors.set(syscall, error);
        wait.abort(error);
      }
    }
  }

  /** Serves what waits in the next turn, although no event may come. What comes then has to ask, too. */
  serveSoon(direction: Direction): void {
    if (direction === 'in') this.#unasked = 0;
    if (this.#first(direction)) void this.#turn().then(() => this.#serve(direction));
  }

  /**
   * Takes one from this turn's budget. A caller that awaits in a loop and never has to wait would otherwise keep the
   * event loop from turning.
   *
   * @returns the next turn, to settle in, when nothing was left
   */
  #spend(): Promise<void> | undefined {
    if (this.#budget === 0) return this.#turn();
    this.#budget--;
    return undefined;
  }

  #turn(): Promise<void> {
    this.#nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#budget = TURN;
        this.#nextTurn = undefined;
        resolve();
      });
    });
    return this.#nextTurn;
  }

  /** Serves whoever waits: the loop has seen that the socket is ready. */
  onReady(events: number): void {
    const nextTurn = this.#nextTurn;
    if (!nextTurn) this.#budget = TURN;
    for (const direction of DIRECTIONS) {
      if ((events & this.#eventsOf(direction)) === 0) continue;
      // Calls that settle in the next turn were made before those that wait now.
      if (nextTurn) nextTurn.then(() => this.#serve(direction));
      else this.#serve(direction);
    }
  }

  /** Fails whoever waits: the loop no longer watches the socket. A later wait begins anew. */
  onFail(error: unknown): void {
    for (const direction of DIRECTIONS) {
      for (let wait = this.#first(direction); wait; wait = this.#first(direction)) wait.fail(error);
    }
    this.#registration = undefined;
  }

  /** A wait is over. */
  left(): void {
    this.#want();
  }

  #serve(direction: Direction): void {
    const queue = this.#queue(direction);
    let left = TURN;
    for (let wait = queue.first; wait; wait = queue.first) {
      // The event may not come again: a socket is not writable before three quarters of its queue are empty.
      if (left === 0) return void this.serveSoon(direction);
      const { held } = wait;
      const count = held.together ? queue.runLength(held, left) : 1;
      const served = count > 1 ? this.#serveTogether(queue, held, count) : Number(wait.serve(this.#DONTWAIT));
      if (served < count) return;
      left -= served;
    }
  }

  /**
   * Serves the first waits of a queue, which are for the same, by one call.
   *
   * @returns how many are over; not all when it would block
   */
  #serveTogether(queue: Queue, held: Waiting, count: number): number {
    let outcomes: readonly unknown[];
    try {
      outcomes = held.together?.(count, this.#DONTWAIT) ?? [];
    } catch (error) {
      outcomes = Array(count).fill(error);
    }
    const served: Wait[] = [];
    for (let wait = queue.first; wait && served.length < outcomes.length; wait = wait.behind) {
      wait.settle(outcomes[served.length]);
      served.push(wait);
    }
    // Every result belongs to its wait by now: ending one may run code of its signal's, which may end others.
    for (const wait of served) wait.end();
    return served.length;
  }

  /**
   * Whether a receive may wait without having asked: a conversation waits for each answer, and every such receive would
   * ask in vain, which is one system call of five. What is there all the same comes in the next turn of the loop, which
   * has to be kept alive for that.
   */
  #expectsNothing(): boolean {
    if (this.#unasked === 0 || !this.#keepsAlive) return false;
    if (!this.#registration?.tellsNextTurn(this.#libc.abi.POLLIN)) return false;
    this.#unasked--;
    return true;
  }

  /**
   * Of so many receives in a row that asked in vain, all but the first let another one wait without asking. So no
   * receive of one who sends several messages at a time waits for what is there.
   */
  #learn(vain: boolean): void {
    this.#unasked = vain ? Math.min(this.#vain, UNASKED) : 0;
    this.#vain = vain ? this.#vain + 1 : 0;
  }

  #first(direction: Direction): Wait | undefined {
    return (direction === 'in' ? this.#in : this.#out)?.first;
  }

  #queue(direction: Direction): Queue {
    if (direction === 'in') {
      this.#in ??= new Queue(this);
      return this.#in;
    }
    this.#out ??= new Queue(this);
    return this.#out;
  }

  #eventsOf(direction: Direction): number {
    return direction === 'in' ? this.#libc.abi.POLLIN : this.#libc.abi.POLLOUT;
  }

  /** Has the loop look for what is waited for. */
  #want(): void {
    // The socket has gone, and its number may be a stranger's.
    if (this.#socket.fd < 0) return;
    let events = 0;
    for (const direction of DIRECTIONS) {
      if (this.#first(direction)) events |= this.#eventsOf(direction);
    }
    if (events !== 0 && !this.#registration) {
      this.#registration = new Registration(this.#libc, this.#socket.fd, this);
      this.#registration.keepAlive(this.#keepsAlive);
    }
    this.#registration?.want(events);
  }
}
