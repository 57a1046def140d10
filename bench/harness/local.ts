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

/** A side whose operation ends before it returns. */
export function local(operation: LocalOperation & { run(count: number): void }): Side {
  const { name, run, chunk = Number.POSITIVE_INFINITY, before, after, close } = operation;
  const inChunks = (count: number, timed: (size: number) => void): void => {
    for (let left = count; left > 0; left -= chunk) {
      const size = Math.min(left, chunk);
      before?.(size);
      timed(size);
      after?.(size);
    }
  };
  return {
    name,
    batch(count) {
      let ns = 0;
      inChunks(count, (size) => {
        const start = now();
        run(size);
        ns += now() - start;
      });
      return ns;
    },
    each(count) {
      const times = new Float64Array(count);
      let at = 0;
      inChunks(count, (size) => {
        for (let i = 0; i < size; i++) {
          const start = now();
          run(1);
          times[at++] = now() - start;
        }
      });
      return times;
    },
    ...(close && { close }),
  };
}

/** A side whose operation is awaited. */
export function localAsync(operation: LocalOperation & { run(count: number): Promise<void> }): Side {
  const { name, run, close } = operation;
  return {
    name,
    async batch(count) {
      const start = now();
      await run(count);
      return now() - start;
    },
    async each(count) {
      const times = new Float64Array(count);
      for (let i = 0; i < count; i++) {
        const start = now();
        await run(1);
        times[i] = now() - start;
      }
      return times;
    },
    ...(close && { close }),
  };
}
