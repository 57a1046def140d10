import { nominal, quantitative, sideColours, TIME_LABELS } from './theme.mjs';

const TICKS = [0, 50, 90, 99, 99.9, 99.99];

// Each nine takes as much room as the one before.
const nines = (percentile) => Math.log10(100 / (100 - percentile));
const LABELS = `${JSON.stringify(TICKS)}[indexof(${JSON.stringify(TICKS.map((p) => nines(p).toFixed(3)))}, format(datum.value, '.3f'))] + ' %'`;

/** Latency by percentile: one line a side. Undefined where fewer than two sides were clocked call by call. */
export function latencyPlot({ figures }) {
  const clocked = figures.filter(({ latency }) => latency).sort((a, b) => b.latency.p50 - a.latency.p50);
  if (clocked.length < 2) return undefined;
  const last = nines(TICKS.at(-1));
  const values = clocked
    .flatMap(({ side, latency }) =>
      latency.curve.map(([percentile, ns]) => ({ side, at: nines(percentile), ns })),
    )
    .filter(({ at }) => at <= last);
  const ticks = logTicks(values.map(({ ns }) => ns));
  return {
    height: 340,
    data: { values },
    mark: { type: 'line', strokeJoin: 'round', strokeMiterLimit: 1 },
    encoding: {
      x: quantitative('at', 'percentile of single calls', {
        scale: { domain: [0, last], nice: false },
        axis: { values: TICKS.map(nines), labelExpr: LABELS },
      }),
      y: quantitative('ns', 'time per call, one reading of the clock included', {
        scale: { type: 'log', domain: [ticks[0], ticks.at(-1)], nice: false },
        axis: { labelExpr: TIME_LABELS, values: ticks },
      }),
      color: nominal('side', {
        sort: null,
        scale: sideColours(clocked.map(({ side }) => side)),
        legend: { symbolType: 'stroke' },
      }),
      strokeWidth: {
        condition: { test: "indexof(datum.side, 'fdchannel') == 0", value: 3.4 },
        value: 1.8,
      },
    },
  };
}

/** The ones, twos and fives around some values, for a logarithmic axis. */
function logTicks(values) {
  const ticks = [];
  const last = Math.max(...values);
  for (let decade = 10 ** Math.floor(Math.log10(Math.min(...values))); decade <= last * 2; decade *= 10) {
    ticks.push(decade, 2 * decade, 5 * decade);
  }
  const from = ticks.findLastIndex((tick) => tick <= Math.min(...values));
  const to = ticks.findIndex((tick) => tick >= last);
  return ticks.slice(Math.max(0, from), to + 1);
}
