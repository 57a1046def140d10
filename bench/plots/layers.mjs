import { layerColours, nominal, quantitative, TIME_LABELS } from './theme.mjs';

/** Where the time goes: a bar an operation, a colour a layer. A difference below nothing is drawn as nothing. */
export function layersPlot({ figures }) {
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
    const ns = values.reduce((sum, value) => sum + (value.operation === operation ? value.ns : 0), 0);
    return { operation, ns, label: ns >= 1e3 ? `${(ns / 1e3).toFixed(2)} us` : `${ns.toFixed(0)} ns` };
  });
  const y = nominal('operation', { sort: operations, axis: { domain: false, ticks: false } });
  const title = 'median time per operation, and what each layer adds to it';
  return {
    height: { step: 44 },
    data: { values },
    layer: [
      {
        mark: { type: 'bar', height: 26 },
        encoding: {
          y,
          x: quantitative('ns', title, { axis: { labelExpr: TIME_LABELS, tickCount: 8 } }),
          color: nominal('layer', {
            sort: layers,
            scale: layerColours(layers),
            legend: { orient: 'top', symbolType: 'square', offset: 6 },
          }),
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
