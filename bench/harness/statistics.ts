import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** The median of some values, and the quartiles around it. */
export interface Spread {
  readonly median: number;
  readonly q1: number;
  readonly q3: number;
  /** How many values it was taken from. */
  readonly of: number;
}

/** @throws RangeError without any value */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
    of: sorted.length,
  };
}

/** A value that was counted rather than sampled: it has no spread. */
export function exactly(value: number): Spread {
  return { median: value, q1: value, q3: value, of: 1 };
}

/** Interpolates between the two values next to the quantile. */
function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) throw new RangeError('no values to take a quantile of');
  return below + (above - below) * (at - Math.floor(at));
}

/** Combines two sides' values round by round, as far as both have them. */
export function pairwise(
  ours: readonly number[],
  base: readonly number[],
  combine: (our: number, their: number) => number,
): number[] {
  const rounds = Math.min(ours.length, base.length);
  return Array.from({ length: rounds }, (_, i) => combine(ours[i] as number, base[i] as number));
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

/** Percentiles that a latency curve is drawn through. */
const CURVE = [0, 10, 25, 50, 75, 90, 95, 98, 99, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99];

/** A histogram with three significant digits, of nanoseconds. */
export function newHistogram(): RecordableHistogram {
  return createHistogram({ figures: 3 });
}

export function latencyOf(histogram: RecordableHistogram): Latency {
  const calls = histogram.count;
  // A percentile that fewer than ten calls lie above says more about luck than about latency.
  const resolved = (percentile: number): boolean => calls * (1 - percentile / 100) >= 10;
  const at = (percentile: number): number =>
    percentile === 0 ? histogram.min : histogram.percentile(percentile);
  return {
    calls,
    p50: at(50),
    ...(resolved(99) && { p99: at(99) }),
    ...(resolved(99.9) && { p999: at(99.9) }),
    max: histogram.max,
    curve: CURVE.filter(resolved).map((percentile) => [percentile, at(percentile)]),
  };
}
