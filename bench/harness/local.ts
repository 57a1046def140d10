import { now } from './clock.ts';
import type { Side } from './question.ts';

/** An operation of this process, to be timed. */
export interface LocalOperation {
  readonly name: string;
  /** Does the operation `count` times, in a loop of its own, so that no other side's types reach its code. */
  run(count: number): void | Promise<void>;
  /** How many operations `before` can prepare, or `after` clear up, at once. */
  readonly chunk?: number;
  /** Prepares `count` operations; not timed. */
  before?(count: number): void;
  /** Clears up after `count` operations; not timed. */
  after?(count: number): void;
  close?(): void | Promise<void>;
}

/** A side that this process does itself. */
export function local(operation: LocalOperation): Side {
  const { name, run, chunk = Number.POSITIVE_INFINITY, before, after, close } = operation;
  return {
    name,
    async batch(count) {
      let ns = 0;
      for (let left = count; left > 0; left -= chunk) {
        const size = Math.min(left, chunk);
        before?.(size);
        const start = now();
        // Nobody is kept waiting for a microtask who is done when it returns.
        const pending = run(size);
        if (pending) await pending;
        ns += now() - start;
        after?.(size);
      }
      return ns;
    },
    async each(count) {
      const times = new Float64Array(count);
      for (let done = 0; done < count; done += chunk) {
        const size = Math.min(count - done, chunk);
        before?.(size);
        for (let i = 0; i < size; i++) {
          const start = now();
          const pending = run(1);
          if (pending) await pending;
          times[done + i] = now() - start;
        }
        after?.(size);
      }
      return times;
    },
    ...(close && { close }),
  };
}
