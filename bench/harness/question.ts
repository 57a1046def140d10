import type { Latency, Spread } from './statistics.ts';

/** What is being timed: one operation, done one way. */
export interface Side {
  readonly name: string;
  /**
   * Does the operation `count` times.
   *
   * @returns the nanoseconds that all of them took
   */
  batch(count: number): number | Promise<number>;
  /** Does the operation `count` times and clocks each; the nanoseconds of each. */
  each(count: number): ArrayLike<number> | Promise<ArrayLike<number>>;
  close?(): void | Promise<void>;
}

/** A side that can't run here, and why. */
export interface Missing {
  readonly side: string;
  readonly reason: string;
}

/** The x axis of a question that is asked at several points. */
export interface Axis {
  readonly label: string;
  readonly points: readonly number[];
}

/** One measured quantity. */
export interface Figure {
  readonly side: string;
  /** What it measures, such as "time per operation". */
  readonly metric: string;
  /** `ns`, `bytes`, `calls`, `%`, … */
  readonly unit: string;
  /** Where it was taken, on the question's axis. */
  readonly point?: number;
  readonly value: Spread;
  /** What it is divided by other sides' figures, taken round by round: a ratio for each base. */
  readonly against?: Readonly<Record<string, Spread>>;
  /** How many operations were timed together; only of figures that were timed. */
  readonly batch?: number;
  /** Only where a call is long against the clock. */
  readonly latency?: Latency;
}

/** A bound that the library has set itself, on one side's figure. */
export interface Goal {
  readonly side: string;
  /** The side that the figure is divided by. Without one, the bound is on the figure itself. */
  readonly base?: string;
  /** Which of the side's figures; the first one without. */
  readonly metric?: string;
  readonly point?: number;
  /** With a base: divides this percentile of single calls by the base's, in place of the times per operation. */
  readonly percentile?: 'p99' | 'p999';
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Everything that one question found out. */
export interface Result {
  readonly question: string;
  readonly title: string;
  readonly axis?: string;
  readonly figures: Figure[];
  readonly missing: Missing[];
  seconds: number;
}

/** How much time the sides of a comparison get. */
export interface Budget {
  readonly rounds: number;
  readonly batchNs: number;
  readonly warmUpNs: number;
}

/** What a comparison of sides needs to know beside the sides. */
export interface Comparison {
  /** The sides that every other side's time is divided by. */
  readonly bases?: readonly string[];
  readonly point?: number;
  /** @default "time per operation" */
  readonly metric?: string;
  /** Overrides parts of the run's budget, for operations that are slow by nature. */
  readonly budget?: Partial<Budget>;
}

/** Each side's nanoseconds per operation, one value a round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** What a question measures with, and where it puts what it found. */
export interface Bench {
  readonly quick: boolean;
  /** A folder for temporary files, removed after the run. */
  readonly temp: string;
  /** True once the user has asked for the end: stop at the next good moment. */
  readonly stopped: boolean;

  /** The peers that know an operation, each started; those that can't be are noted as missing. */
  peers(operation: string): Promise<Side[]>;
  /**
   * One operation of the program in C, if there is a compiler.
   *
   * @param name what the side is called; `C` without
   */
  floor(operation: string, name?: string): Promise<Side[]>;
  /** A side of our own, if it can be made here; noted as missing if not. */
  attempt(name: string, make: (name: string) => Side | Promise<Side>): Promise<Side[]>;
  /** Times sides against each other, alternating, and closes them. */
  compare(sides: readonly Side[], comparison?: Comparison): Promise<Rounds>;
  figure(figure: Figure): void;
  missing(missing: Missing): void;
  /** Tells the user how far it is; `part` runs from 0 to 1. */
  progress(part: number, what?: string): void;
}

/** One question: a module in `questions/` whose default export this is. */
export interface Question {
  /** What `--only` takes: the module's name. */
  readonly name: string;
  readonly title: string;
  readonly goals?: readonly Goal[];
  readonly axis?: Axis;
  /** Options for the process that it is asked in, such as `--expose-gc`. */
  readonly execArgv?: readonly string[];
  /** What is added to that process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  measure(bench: Bench): Promise<void>;
}
