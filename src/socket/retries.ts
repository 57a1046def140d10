import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { isMainThread } from 'node:worker_threads';
import type { Libc } from '../libc/calls.ts';
import { type Abortable, offAbort, onAbort } from './aborts.ts';
import { TURN } from './wait.ts';

/**
 * For what would block and no poll reports: a connection to a full backlog, a datagram for a full receiver. It is tried
 * again after 1, 2, 4 … 50 ms.
 */
const LONGEST_PAUSE = 50;

let budget = TURN;

/** Returns undefined where the call would block. */
export type Try<T> = () => T | undefined;

/** Whether a blocking call must not wait in the kernel: it has a limit, or runs in a thread that may be terminated. */
export function mustRetry(timeout: number | undefined): boolean {
  return timeout !== undefined || !isMainThread;
}

/**
 * Blocks until it succeeds.
 *
 * @param onTimeout gives the error for when the time is over
 */
export function retryBlocking<T>(
  c: Libc,
  call: Try<T>,
  timeout: number | undefined,
  onTimeout: () => Error,
): T {
  const deadline = timeout === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeout;
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const result = call();
    if (result !== undefined) return result;
    const left = Math.ceil(deadline - performance.now());
    if (left <= 0) throw onTimeout();
    c.pause(Math.min(pause, left));
  }
}

/** Waits on the event loop until it succeeds, or rejects with the signal's reason. */
export async function retrySoon<T>(call: Try<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const result = call();
    if (result !== undefined) {
      if (pause === 1) await spend();
      return result;
    }
    await paused(pause, signal);
  }
}

/** Calls that are tried again on the event loop, those for one name first come, first served. */
export class RetryQueue {
  readonly #last: Map<string, Promise<unknown>> = new Map();

  /** Whether calls for a name wait. */
  has(name: string): boolean {
    return this.#last.has(name);
  }

  /** Waits its turn, and then until it succeeds, or rejects with the signal's reason. */
  async add<T>(name: string, call: Try<T>, signal: AbortSignal | undefined): Promise<T> {
    const before = this.#last.get(name);
    let leave = (): void => {};
    const own = new Promise<void>((resolve) => {
      leave = resolve;
    });
    // Who leaves the queue early leaves those before it in it.
    const turn = Promise.all([before, own]);
    this.#last.set(name, turn);
    try {
      if (before) await settled(before, signal);
      return await retrySoon(call, signal);
    } finally {
      leave();
      void turn.then(() => {
        if (this.#last.get(name) === turn) this.#last.delete(name);
      });
    }
  }
}

/** Lets the loop turn now and then: who awaits calls that succeed at once would keep it from that. */
export async function spend(): Promise<void> {
  if (budget-- > 0) return;
  await new Promise<void>((resolve) => void setImmediate(resolve));
  budget = TURN;
}

function settled(promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const waiter: Abortable = { abort: reject };
    onAbort(signal, waiter);
    void promise.then(() => {
      offAbort(signal, waiter);
      resolve(undefined);
    });
  });
}

function paused(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const sleeper: Abortable = {
      abort(reason) {
        clearTimeout(timer);
        reject(reason);
      },
    };
    const timer = setTimeout(() => {
      if (signal) offAbort(signal, sleeper);
      resolve();
    }, ms);
    try {
      if (signal) onAbort(signal, sleeper);
    } catch (error) {
      sleeper.abort(error);
    }
  });
}
