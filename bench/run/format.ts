import type { Spread } from '../harness/statistics.ts';

const STEPS: Readonly<Record<string, readonly (readonly [limit: number, divisor: number, unit: string])[]>> =
  {
    ns: [
      [1e3, 1, 'ns'],
      [1e6, 1e3, 'us'],
      [1e9, 1e6, 'ms'],
      [Number.POSITIVE_INFINITY, 1e9, 's'],
    ],
    bytes: [
      [10_000, 1, 'B'],
      [10_000_000, 1e3, 'kB'],
      [Number.POSITIVE_INFINITY, 1e6, 'MB'],
    ],
  };

/** A value in the unit that suits it, with three significant digits. */
export function quantity(value: number, unit: string): string {
  const [divisor, name] = scale(value, unit);
  return `${digits(value / divisor)}${name && ` ${name}`}`;
}

/** The quartiles, in the unit that suits the median. */
export function quartiles({ median, q1, q3 }: Spread, unit: string): string {
  const [divisor] = scale(median, unit);
  return `${digits(q1 / divisor)}–${digits(q3 / divisor)}`;
}

export function ratio({ median, q1, q3 }: Spread): string {
  return `${fixed(median)} (${fixed(q1)}–${fixed(q3)})`;
}

function scale(value: number, unit: string): [divisor: number, name: string] {
  const step = STEPS[unit]?.find(([limit]) => Math.abs(value) < limit);
  if (step) return [step[1], step[2]];
  return [1, unit === '%' ? '%' : ''];
}

function fixed(value: number): string {
  return value.toFixed(value < 10 ? 3 : 1);
}

function digits(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(size >= 10 ? 1 : 2);
}
