import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Fault } from './fault.ts';
import { generate, type Limits } from './generate.ts';
import type { History } from './history.ts';
import { type Pool, withPool } from './pool.ts';
import { type Patience, run } from './run.ts';
import { shrink } from './shrink.ts';

export interface Campaign extends Limits {
  /** The seed of the first history; each one after it has the next number. */
  readonly seed: number;
  /** No history begins later, in milliseconds. */
  readonly time: number;
  /** No more histories than this. @default no limit */
  readonly most?: number;
  /** How long to wait for what has to happen. */
  readonly patience?: Patience;
  /** How long to look for a shorter history that fails, in milliseconds. @default 30 s */
  readonly shrinking?: number;
  /** Called before each history. */
  readonly onHistory?: (seed: number, history: History) => void;
}

/** What was done, in numbers. */
export interface Figures {
  histories: number;
  steps: number;
  calls: number;
  taken: number;
  descriptors: number;
  waits: number;
  aborts: number;
  kills: number;
  /** Histories in which too much happened at the same time for the model to follow. */
  undecided: number;
  /** Workers and processes that were started. */
  started: number;
  /** The most descriptors that this process had open. */
  peak: number;
  /** What the heap has grown by since the first histories, in bytes. */
  heap: number;
  seconds: number;
}

/** A history that went wrong, and a short one that does so in the same way. */
export interface Finding {
  readonly seed: number;
  readonly history: History;
  readonly fault: Fault;
  readonly trace: string;
  readonly short: Shortened;
}

export interface Shortened {
  readonly history: History;
  readonly fault: Fault;
  readonly trace: string;
  /** How often it failed when it was run again, and how often that was. */
  readonly failed: number;
  readonly runs: number;
}

export interface Outcome {
  readonly figures: Figures;
  readonly finding: Finding | undefined;
}

/** Histories after which the heap counts as warm. */
const WARM = 50;

/** Lets one history happen after the other, until one goes wrong or the time is over. */
export function campaign(options: Campaign): Promise<Outcome> {
  return withPool(async (pool) => {
    const { seed: first, time, most = Number.POSITIVE_INFINITY, onHistory } = options;
    const start = performance.now();
    const figures: Figures = {
      histories: 0,
      steps: 0,
      calls: 0,
      taken: 0,
      descriptors: 0,
      waits: 0,
      aborts: 0,
      kills: 0,
      undecided: 0,
      started: 0,
      peak: 0,
      heap: 0,
      seconds: 0,
    };
    let warm: number | undefined;
    let finding: Finding | undefined;
    while (figures.histories < most && performance.now() - start < time && finding === undefined) {
      const seed = first + figures.histories;
      const history = generate(seed, options);
      onHistory?.(seed, history);
      const { counts, peak, undecided, fault, trace } = await run(history, pool, options.patience);
      figures.histories++;
      for (const name of Object.keys(counts) as (keyof typeof counts)[]) figures[name] += counts[name];
      if (undecided) figures.undecided++;
      figures.peak = Math.max(figures.peak, peak);
      if (figures.histories === WARM) warm = usedHeap();
      if (fault) {
        const short = await shorten(history, { fault, trace }, pool, options.shrinking);
        finding = { seed, history, fault, trace, short };
      }
    }
    figures.heap = warm === undefined ? 0 : usedHeap() - warm;
    figures.started = pool.started;
    figures.seconds = (performance.now() - start) / 1000;
    return { figures, finding };
  });
}

/** How often a history is run to see whether it fails again, at most. */
const MAX_TRIES = 12;

/** How often the shortest one is run again. */
const RUNS = 5;

/** How long a call may take while a history is made shorter. */
const PATIENCE = {
  local: { answer: 400, closing: 100 },
  remote: { answer: 3000, closing: 600 },
};

async function shorten(
  history: History,
  found: { readonly fault: Fault; readonly trace: string },
  pool: Pool,
  time = 30_000,
): Promise<Shortened> {
  const end = performance.now() + time;
  const patience = history.places.every((place) => place === 'main') ? PATIENCE.local : PATIENCE.remote;
  let tries = MAX_TRIES;
  let last = found;
  let used = 0;
  const fails = async (candidate: History): Promise<boolean> => {
    for (used = 1; used <= tries; used++) {
      const { fault, trace } = await run(candidate, pool, patience);
      if (fault?.kind !== found.fault.kind) continue;
      last = { fault, trace };
      return true;
    }
    return false;
  };
  let short = history;
  if (await fails(history)) {
    // What depends on a race fails now and then: who leaves a step out has to look as often as that.
    tries = Math.min(MAX_TRIES, 2 * used);
    short = await shrink(history, fails, () => performance.now() > end);
  }
  let failed = 0;
  tries = 1;
  for (let i = 0; i < RUNS; i++) {
    if (await fails(short)) failed++;
  }
  return { history: short, ...last, failed, runs: RUNS };
}

setFlagsFromString('--expose-gc');
// Bun has a function of its own.
const gc: () => void = runInNewContext('globalThis.gc') ?? Reflect.get(globalThis, 'Bun').gc;

function usedHeap(): number {
  gc();
  return process.memoryUsage().heapUsed;
}
