import type { Spread } from './statistics.ts';

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

/** Where a figure was taken, on a question's x axis. */
export type Point = number;

/** The x axis of a question that is asked at several points. */
export interface Axis {
  readonly label: string;
  readonly points: readonly Point[];
}

/** How long single calls took, in nanoseconds, one reading of the clock included. */
export interface Latency {
  readonly calls: number;
  readonly p50: number;
  /** Missing where fewer than ten calls lie above it, as in `p999` and `curve`. */
  readonly p99?: number;
  readonly p999?: number;
  readonly max: number;
  /** Pairs of a percentile and its latency, ascending, for drawing. */
  readonly curve: readonly (readonly [percentile: number, ns: number])[];
}

/** One measured quantity. */
export interface Figure {
  readonly side: string;
  /** What it measures, such as "time per operation". */
  readonly metric: string;
  /** `ns`, `bytes`, `calls`, `%`, … */
  readonly unit: string;
  readonly point?: Point;
  readonly value: Spread;
  /** How many operations were timed together; only of figures that were timed. */
  readonly batch?: number;
  /** Only where a call is long against the clock. */
  readonly latency?: Latency;
}

/** One side's time over another's, taken round by round. */
export interface Ratio {
  readonly side: string;
  readonly base: string;
  readonly point?: Point;
  readonly value: Spread;
}

/** A bound that the library has set itself: on a ratio, or on a figure. */
export interface Goal {
  readonly text: string;
  readonly side: string;
  /** The side that the ratio is taken to. Without one, the bound is on the figure that `metric` names. */
  readonly base?: string;
  readonly metric?: string;
  readonly point?: Point;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** Everything that one question found out. */
export interface Result {
  readonly question: string;
  readonly title: string;
  axis?: string;
  readonly figures: Figure[];
  readonly ratios: Ratio[];
  readonly missing: Missing[];
  readonly notes: string[];
  readonly goals: readonly Goal[];
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
  readonly point?: Point;
  /** What one operation is called in the metric; "time per operation" without. */
  readonly metric?: string;
  /** Overrides parts of the run's budget, for operations that are slow by nature. */
  readonly budget?: Partial<Budget>;
}

/** Each side's nanoseconds per operation, one figure a round. */
export type Rounds = ReadonlyMap<string, readonly number[]>;

/** What a question measures with, and where it puts what it found. */
export interface Bench {
  readonly quick: boolean;
  /** A folder for temporary files, removed after the run. */
  readonly temp: string;
  /** True once the user has asked for the end: stop at the next good moment. */
  readonly stopped: boolean;

  /**
   * The peers that know an operation, each started; those that can't be are noted as missing.
   *
   * @param names which of them; all without
   */
  peers(operation: string, names?: readonly string[]): Promise<Side[]>;
  /** A side of this process, if it can be made here; noted as missing if not. */
  attempt(name: string, make: () => Side): Side[];
  /** Times sides against each other, alternating, and closes them. */
  compare(sides: readonly Side[], comparison?: Comparison): Promise<Rounds>;
  figure(figure: Figure): void;
  ratio(ratio: Ratio): void;
  missing(missing: Missing): void;
  note(text: string): void;
  /** Tells the user how far it is; `part` runs from 0 to 1. */
  progress(part: number, what?: string): void;
}

/** One question: a file in `questions/` whose default export this is. */
export interface Question {
  /** What `--only` takes: the file's name. */
  readonly name: string;
  readonly title: string;
  readonly goals?: readonly Goal[];
  readonly axis?: Axis;
  /** Options for the process that it is asked in, such as `--expose-gc`. */
  readonly execArgv?: readonly string[];
  /** Asked only by name: it takes long. */
  readonly onlyByName?: boolean;
  measure(bench: Bench): Promise<void>;
}
