import { LONG_AGAINST_CLOCK } from '../harness/compare.ts';
import type { Figure, Point, Result } from '../harness/question.ts';
import { quantity, quartiles, ratio } from './format.ts';

type Row = readonly string[];

/**
 * What one question found, for a terminal.
 *
 * @param introduced what was said to be missing before any question was asked
 */
export function tablesOf(result: Result, clockNs: number, introduced: readonly string[]): string {
  const lines = [`${result.question} · ${result.title}`];
  const timed = result.figures.filter((figure) => figure.batch !== undefined);
  for (const metric of new Set(timed.map((figure) => figure.metric))) {
    const figures = timed.filter((figure) => figure.metric === metric);
    lines.push('', ...timedTable(metric, figures, result));
  }
  const counted = result.figures.filter((figure) => figure.batch === undefined);
  if (counted.length > 0) lines.push('', ...countedTable(counted, result));
  const short = timed.some((figure) => !figure.latency) && timed.some((figure) => figure.latency);
  if (short) {
    lines.push(
      `  – in p50 to p99.9: a call is shorter than ${LONG_AGAINST_CLOCK} readings of the clock (of ${quantity(clockNs, 'ns')}), or there were too few`,
    );
  }
  for (const { side, reason } of result.missing) {
    lines.push(introduced.includes(side) ? `  missing: ${side}` : `  missing: ${side}: ${reason}`);
  }
  for (const note of result.notes) lines.push(`  note: ${note}`);
  return lines.join('\n');
}

function timedTable(metric: string, figures: readonly Figure[], result: Result): string[] {
  const points = figures.some(({ point }) => point !== undefined);
  const latencies = figures.some(({ latency }) => latency);
  const bases = [...new Set(result.ratios.map(({ base }) => base))];
  const head = [
    metric,
    ...(points ? [result.axis ?? 'point'] : []),
    'median',
    'quartiles',
    ...(latencies ? ['p50', 'p99', 'p99.9'] : []),
    ...bases.map((base) => `x ${base}`),
    'batch',
  ];
  const rows = figures.map(({ side, point, unit, value, latency, batch }): Row => {
    const single = (ns: number | undefined): string => (ns === undefined ? '–' : quantity(ns, unit));
    return [
      side,
      ...(points ? [String(point)] : []),
      quantity(value.median, unit),
      quartiles(value, unit),
      ...(latencies ? [single(latency?.p50), single(latency?.p99), single(latency?.p999)] : []),
      ...bases.map((base) => ratioText(result, side, base, point)),
      `${value.of} x ${batch?.toLocaleString('en')}`,
    ];
  });
  return align([head, ...rows]);
}

function ratioText(result: Result, side: string, base: string, point: Point | undefined): string {
  if (side === base) return '1';
  const found = result.ratios.find((r) => r.side === side && r.base === base && r.point === point);
  return found ? ratio(found.value) : '';
}

/** Figures that were counted, or derived: a row a side, a column a metric. */
function countedTable(figures: readonly Figure[], result: Result): string[] {
  const metrics = [...new Set(figures.map(({ metric }) => metric))];
  const points = figures.some(({ point }) => point !== undefined);
  const rows = new Map<string, Map<string, Figure>>();
  for (const figure of figures) {
    const key = JSON.stringify([figure.side, figure.point]);
    rows.set(key, (rows.get(key) ?? new Map<string, Figure>()).set(figure.metric, figure));
  }
  const body = Array.from(rows.values(), (cells): Row => {
    const [{ side = '', point } = {}] = cells.values();
    return [
      side,
      ...(points ? [String(point)] : []),
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
  return align([['', ...(points ? [result.axis ?? 'point'] : []), ...metrics], ...body]);
}

/** Pads the columns: the first to the left, the others to where it is said. */
export function align(rows: readonly Row[], others: 'left' | 'right' = 'right'): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const pad = (cell: string, i: number): string =>
    i === 0 || others === 'left' ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return rows.map((row) => `  ${row.map(pad).join('   ')}`.trimEnd());
}
