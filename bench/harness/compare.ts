import type { RecordableHistogram } from 'node:perf_hooks';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Budget, Side } from './question.ts';
import { newHistogram } from './statistics.ts';

/** A call this many times as long as a reading of the clock is timed singly, too. */
export const LONG_AGAINST_CLOCK = 10;

/** What the trial of one side gave. */
export interface Trial {
  readonly side: Side;
  /** Operations in one batch. */
  batch: number;
  /** Nanoseconds per operation, one figure a round. */
  readonly rounds: number[];
  /** Of single calls; undefined where a call is short against the clock. */
  latency?: RecordableHistogram;
  /** Why it was given up. */
  failure?: unknown;
}

interface Watcher {
  readonly stopped: boolean;
  progress(part: number): void;
}

/**
 * Times sides against each other, in turns: A B C A B C …
 *
 * A round is one batch of each side and then, where a call is long enough, as many calls clocked one by one. A
 * side that fails keeps the rounds it has, and the others go on.
 */
export async function alternate(
  sides: readonly Side[],
  budget: Budget,
  clockNs: number,
  watcher: Watcher,
): Promise<Trial[]> {
  const trials = sides.map((side): Trial => ({ side, batch: 1, rounds: [] }));
  for (const trial of trials) await attempt(trial, () => warmUp(trial, budget, clockNs));
  for (let round = 0; round < budget.rounds && !watcher.stopped; round++) {
    watcher.progress(round / budget.rounds);
    // Where every side is synchronous, this is when a signal to stop is heard.
    await turnOfTheLoop();
    for (const trial of trials) {
      await attempt(trial, async () => {
        trial.rounds.push((await trial.side.batch(trial.batch)) / trial.batch);
      });
    }
    for (const trial of trials) {
      const { latency } = trial;
      if (!latency) continue;
      await attempt(trial, async () => {
        const times = await trial.side.each(trial.batch);
        for (let i = 0; i < times.length; i++) latency.record(Math.max(1, Math.round(times[i] as number)));
      });
    }
  }
  return trials;
}

/** Lets the compilers see the code, and finds out how many operations fill a batch. */
async function warmUp(trial: Trial, budget: Budget, clockNs: number): Promise<void> {
  const { side } = trial;
  // The first one may have to wait until the other end has started.
  await side.batch(1);
  let spent = 0;
  let fastest = Number.POSITIVE_INFINITY;
  for (let count = 1; spent < budget.warmUpNs; ) {
    const ns = await side.batch(count);
    spent += ns;
    fastest = Math.min(fastest, ns / count);
    if (ns < budget.batchNs) count *= 2;
  }
  trial.batch = Math.max(1, Math.round(budget.batchNs / fastest));
  // A batch of one is a single call as it is.
  if (trial.batch === 1 || fastest < LONG_AGAINST_CLOCK * clockNs) return;
  trial.latency = newHistogram();
  await side.each(Math.min(trial.batch, 100));
}

async function attempt(trial: Trial, turn: () => Promise<void>): Promise<void> {
  if (trial.failure !== undefined) return;
  try {
    await turn();
  } catch (error) {
    trial.failure = error ?? new Error('failed without a reason');
  }
}
