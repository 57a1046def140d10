import { LONG_AGAINST_CLOCK } from '../harness/compare.ts';
import type { Figure, Result } from '../harness/question.ts';
import { quantity, quartiles, ratio } from './format.ts';

type Row = readonly string[];

/**
 * What one question found, for a terminal.
 *
 * @param introduced reasons why something is missing that were given before any question was asked
 */
export function tablesOf(result: Result, clockNs: number, introduced: readonly string[]): string {
  const lines = [`${result.question} · ${result.title}`];
  const timed = result.figures.filter((figure) => figure.batch !== undefined);
  for (const metric of new Set(timed.map((figure) => figure.metric))) {
    const figures = timed.filter((figure) => figure.metric === metric);
    lines.push('', ...timedTable(metric, figures, result.axis));
  }
  const counted = result.figures.filter((figure) => figure.batch === undefined);
  if (counted.length > 0) lines.push('', ...countedTable(counted, result.axis));
  const short = timed.some((figure) => !figure.latency) && timed.some((figure) => figure.latency);
  if (short) {
    lines.push(
      `  – in p50 to p99.9: a call is shorter than ${LONG_AGAINST_CLOCK} readings of the clock (of ${quantity(clockNs, 'ns')}), or there were too few`,
    );
  }
  for (const { side, reason } of result.missing) {
    lines.push(introduced.includes(reason) ? `  missing: ${side}` : `  missing: ${side}: ${reason}`);
  }
  return lines.join('\n');
}

function timedTable(metric: string, figures: readonly Figure[], axis: string | undefined): string[] {
  const latencies = figures.some(({ latency }) => latency);
  const sides = [...new Set(figures.map(({ side }) => side))];
  const bases = sides.filter((side) => figures.some(({ against }) => against?.[side]));
  const head = [
    metric,
    ...(axis === undefined ? [] : [axis]),
    'median',
    'quartiles',
    ...(latencies ? ['p50', 'p99', 'p99.9'] : []),
    ...bases.map((base) => `x ${base}`),
    'batch',
  ];
  const rows = figures.map(({ side, point, unit, value, against, latency, batch }): Row => {
    const single = (ns: number | undefined): string => (ns === undefined ? '–' : quantity(ns, unit));
    const over = (base: string): string =>
      against?.[base] ? ratio(against[base]) : side === base ? '1' : '';
    return [
      side,
      ...(axis === undefined ? [] : [`${point}`]),
      quantity(value.median, unit),
      quartiles(value, unit),
      ...(latencies ? [single(latency?.p50), single(latency?.p99), single(latency?.p999)] : []),
      ...bases.map(over),
      `${value.of} x ${batch?.toLocaleString('en')}`,
    ];
  });
  return align([head, ...rows]);
}

/** Figures that were counted, or derived: a row a side, a column a metric. */
function countedTable(figures: readonly Figure[], axis: string | undefined): string[] {
  const metrics = [...new Set(figures.map(({ metric }) => metric))];
  const rows = new Map<string, Map<string, Figure>>();
  for (const figure of figures) {
    const key = JSON.stringify([figure.side, figure.point]);
    rows.set(key, (rows.get(key) ?? new Map<string, Figure>()).set(figure.metric, figure));
  }
  const body = Array.from(rows.values(), (cells): Row => {
    const [{ side = '', point } = {}] = cells.values();
    return [
      side,
      ...(axis === undefined ? [] : [`${point}`]),
      ...metrics.map((metric) => {
        const figure = cells.get(metric);
        if (!figure) return '';
        const { value, unit } = figure;
        return value.of > 1
          ? `${quantity(value.median, unit)} (${quartiles(value, unit)})`
          : quantity(value.median, unit);
      }),
    ];
  });
  return align([['', ...(axis === undefined ? [] : [axis]), ...metrics], ...body]);
}

/** Pads the columns: the first to the left, the others to where it is said. */
export function align(rows: readonly Row[], others: 'left' | 'right' = 'right'): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const pad = (cell: string, i: number): string =>
    i === 0 || others === 'left' ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return rows.map((row) => `  ${row.map(pad).join('   ')}`.trimEnd());
}
