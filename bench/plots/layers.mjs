import { heading, LAYER_COLOURS, TIME_LABELS, timeLabel } from './theme.mjs';

/** Where the time goes: a bar an operation, a colour a layer. A difference below nothing is drawn as nothing. */
export function layersPlot({ title, figures }, machineLines) {
  const layered = figures.filter(({ batch }) => batch === undefined);
  if (layered.length === 0) return undefined;
  const layers = [...new Set(layered.map(({ metric }) => metric))];
  const operations = [...new Set(layered.map(({ side }) => side))];
  const values = layered.map(({ side, metric, value }) => ({
    operation: side,
    layer: metric,
    order: layers.indexOf(metric),
    ns: Math.max(0, value.median),
  }));
  const totals = operations.map((operation) => {
    const ns = values
      .filter((value) => value.operation === operation)
      .reduce((sum, value) => sum + value.ns, 0);
    return { operation, ns, label: timeLabel(ns) };
  });
  const y = {
    field: 'operation',
    type: 'nominal',
    title: null,
    sort: operations,
    axis: { domain: false, ticks: false },
  };
  return {
    title: heading(title, machineLines),
    width: 640,
    height: { step: 44 },
    data: { values },
    layer: [
      {
        mark: { type: 'bar', height: 26 },
        encoding: {
          y,
          x: {
            field: 'ns',
            type: 'quantitative',
            title: 'median time per operation, and what each layer adds to it',
            axis: { labelExpr: TIME_LABELS, tickCount: 8 },
          },
          color: {
            field: 'layer',
            type: 'nominal',
            title: null,
            sort: layers,
            scale: { domain: layers, range: LAYER_COLOURS.slice(-layers.length) },
            legend: { orient: 'top', symbolType: 'square', offset: 6 },
          },
          order: { field: 'order', type: 'quantitative' },
        },
      },
      {
        data: { values: totals },
        mark: { type: 'text', align: 'left', dx: 6 },
        encoding: {
          y,
          x: { field: 'ns', type: 'quantitative' },
          text: { field: 'label', type: 'nominal' },
        },
      },
    ],
  };
}
