import { type Abortable, offAbort } from './aborts.ts';

/** What a call does that may have to wait: which way the socket must be ready, and the name that its errors carry. */
export interface Operation {
  readonly direction: Direction;
  readonly syscall: string;
}

export type Direction = 'in' | 'out';

/** How many calls may succeed at once, and how many waits one wake may serve, before the loop turns. */
export const TURN = 128;

/** A call that may have to wait, or many that are the same. */
export interface Waiting<T = unknown> {
  /** Makes the call once, with MSG_DONTWAIT or without; undefined where it would block. */
  attempt(flags: number): T | undefined;
  /**
   * Makes the call for so many waits at once: what becomes of the first of them, in their order, where an Error is a
   * rejection; undefined where it would block.
   */
  together?(count: number, flags: number): readonly unknown[] | undefined;
  /** Gives what waits in place of the call: asked only when it has to wait. */
  hold?(): Waiting<T>;
  /** Whether the call is half done, so that no other may come in between. */
  readonly begun?: boolean;
  /** What the wait rejects with when it is ended from outside, for `cause`. Must not throw. */
  interrupted?(cause: unknown): unknown;
  /** Lets go of what the wait held: called once, when the wait is over. Must not throw. */
  release?(): void;
}

/** Waits in their order, each linked to the next: an empty queue holds no memory for what may come. */
export class Queue {
  first: Wait | undefined = undefined;
  #last: Wait | undefined = undefined;
  readonly #owner: { left(): void };

  /** @param owner is told when a wait has left */
  constructor(owner: { left(): void }) {
    this.#owner = owner;
  }

  add(wait: Wait): void {
    wait.queue = this;
    wait.before = this.#last;
    if (this.#last) this.#last.behind = wait;
    else this.first = wait;
    this.#last = wait;
  }

  /** @param wait stands in this queue */
  delete(wait: Wait): void {
    const { before, behind } = wait;
    if (before) before.behind = behind;
    else this.first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    wait.queue = undefined;
    wait.before = undefined;
    wait.behind = undefined;
    this.#owner.left();
  }

  /** How many waits at the head wait for the same. */
  runLength(held: Waiting, most: number): number {
    let length = 0;
    for (let wait = this.first; wait?.held === held && length < most; wait = wait.behind) length++;
    return length;
  }
}

/** One place in a queue. */
export class Wait implements Abortable {
  readonly operation: Operation;
  readonly held: Waiting;
  /** Where it stands; undefined when it is over. */
  queue: Queue | undefined = undefined;
  before: Wait | undefined = undefined;
  behind: Wait | undefined = undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    operation: Operation,
    held: Waiting,
    signal: AbortSignal | undefined,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.operation = operation;
    this.held = held;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get begun(): boolean {
    return this.held.begun === true;
  }

  /** Tries once more; true when the wait is over. */
  serve(flags: number): boolean {
    let result: unknown;
    try {
      result = this.held.attempt(flags);
    } catch (error) {
      this.fail(error);
      return true;
    }
    if (result === undefined) return false;
    this.#resolve(result);
    this.end();
    return true;
  }

  /** Gives a result away, which decides what the promise comes to. */
  settle(result: unknown): void {
    if (result instanceof Error) this.#reject(result);
    else this.#resolve(result);
  }

  /** Ends the wait with an error. A second time, it does nothing. */
  fail(error: unknown): void {
    this.#reject(error);
    this.end();
  }

  /** Ends the wait from outside. */
  abort(cause: unknown): void {
    this.fail(this.held.interrupted?.(cause) ?? cause);
  }

  /** Leaves the queue. A second time, it does nothing. */
  end(): void {
    if (!this.queue) return;
    this.queue.delete(this);
    this.held.release?.();
    if (this.#signal) offAbort(this.#signal, this);
  }
}
