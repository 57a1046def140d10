import { dashes, heading, logTicks, sideColours, TIME_LABELS } from './theme.mjs';

const TICKS = [0, 50, 90, 99, 99.9, 99.99];

// Each nine takes as much room as the one before.
const nines = (percentile) => Math.log10(100 / (100 - percentile));

/** Latency by percentile: one line a side. Undefined where fewer than two sides were clocked call by call. */
export function latencyPlot({ title, figures }, machineLines) {
  const clocked = figures.filter(({ latency }) => latency).sort((a, b) => b.latency.p50 - a.latency.p50);
  if (clocked.length < 2) return undefined;
  const values = clocked.flatMap(({ side, latency }) =>
    latency.curve.map(([percentile, ns]) => ({ side, at: nines(percentile), ns })),
  );
  const names = clocked.map(({ side }) => side);
  const last = nines(TICKS.at(-1));
  const shown = values.filter(({ at }) => at <= last);
  const ticks = logTicks(shown.map(({ ns }) => ns));
  return {
    title: heading(title, machineLines),
    width: 640,
    height: 340,
    data: { values: shown },
    mark: { type: 'line', strokeJoin: 'round', strokeMiterLimit: 1 },
    encoding: {
      x: {
        field: 'at',
        type: 'quantitative',
        title: 'percentile of single calls',
        scale: { domain: [0, last], nice: false },
        axis: {
          values: TICKS.map(nines),
          labelExpr: `${JSON.stringify(TICKS)}[indexof(${JSON.stringify(TICKS.map((p) => nines(p).toFixed(3)))}, format(datum.value, '.3f'))] + ' %'`,
        },
      },
      y: {
        field: 'ns',
        type: 'quantitative',
        title: 'time per call, one reading of the clock included',
        scale: { type: 'log', domain: [ticks[0], ticks.at(-1)], nice: false },
        axis: { labelExpr: TIME_LABELS, values: ticks },
      },
      color: {
        field: 'side',
        type: 'nominal',
        title: null,
        sort: null,
        scale: sideColours(names),
        legend: { symbolType: 'stroke' },
      },
      strokeWidth: {
        condition: { test: "indexof(datum.side, 'fdchannel') == 0", value: 3.4 },
        value: 1.8,
      },
      strokeDash: {
        field: 'side',
        type: 'nominal',
        title: null,
        sort: null,
        scale: { domain: names, range: names.map(dashes) },
      },
    },
  };
}
