import type { Spread } from '../harness/statistics.ts';
import { quantity, quartiles } from './format.ts';
import type { Run } from './run.ts';

/** A ratio has no unit. */
const RATIO = '';

interface Entry {
  readonly label: readonly [question: string, side: string, what: string];
  readonly unit: string;
  readonly value: Spread;
}

/**
 * What differs from an earlier run by more than the larger of the two spreads, a row each. Of what is measured,
 * less is better.
 */
export function differences(old: Run, latest: Run): string[][] {
  const before = new Map(entriesOf(old).map((entry) => [JSON.stringify(entry.label), entry]));
  return entriesOf(latest).flatMap(({ label, unit, value }) => {
    const earlier = before.get(JSON.stringify(label))?.value;
    if (!earlier) return [];
    const moved = value.median - earlier.median;
    if (Math.abs(moved) <= Math.max(width(value), width(earlier))) return [];
    const show = (spread: Spread): string => `${quantity(spread.median, unit)} (${quartiles(spread, unit)})`;
    const percent = (100 * moved) / earlier.median;
    const change = `${moved > 0 ? '+' : ''}${percent.toFixed(1)} %`;
    return [[moved > 0 ? 'slower' : 'faster', ...label, show(earlier), show(value), change]];
  });
}

/** How far a ratio is from what it was in an earlier run, in percent of it. */
export interface Repeated {
  readonly label: string;
  readonly percent: number;
}

/** The ratios that both runs have, the one that differs most first. */
export function repeatedRatios(old: Run, latest: Run): Repeated[] {
  const before = new Map(entriesOf(old).map(({ label, value }) => [JSON.stringify(label), value]));
  return entriesOf(latest)
    .filter(({ unit }) => unit === RATIO)
    .flatMap(({ label, value }) => {
      const earlier = before.get(JSON.stringify(label));
      if (!earlier) return [];
      return [{ label: label.join(' '), percent: 100 * Math.abs(value.median / earlier.median - 1) }];
    })
    .sort((a, b) => b.percent - a.percent);
}

/** Everything with a spread: a single look has none, and can't tell a change from chance. */
function entriesOf(run: Run): Entry[] {
  return run.results
    .flatMap(({ question, figures }) =>
      figures.flatMap(({ side, metric, point, unit, value, against = {} }): Entry[] => {
        const what = metric + (point === undefined ? '' : ` at ${point}`);
        return [
          { label: [question, side, what], unit, value },
          ...Object.entries(against).map(([base, ratio]): Entry => {
            return { label: [question, side, `${what} x ${base}`], unit: RATIO, value: ratio };
          }),
        ];
      }),
    )
    .filter(({ value }) => value.of > 1);
}

function width({ q1, q3 }: Spread): number {
  return q3 - q1;
}
