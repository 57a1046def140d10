import { heading, sideColours, TIME_LABELS } from './theme.mjs';

/** A timed figure over a question's x axis: the median as a line, the quartiles as a band around it. */
export function axisPlot({ title, axis, figures }, machineLines) {
  const timed = figures.filter(({ point, batch }) => point !== undefined && batch !== undefined);
  if (timed.length < 2) return undefined;
  const values = timed.map(({ side, point, value }) => ({ side, point, ...value }));
  const points = [...new Set(values.map(({ point }) => point))];
  const x = {
    field: 'point',
    type: 'quantitative',
    title: `${axis} (log scale)`,
    scale: { type: 'log', domain: [Math.min(...points), Math.max(...points)], nice: false },
    axis: { values: points, format: ',d', grid: false },
  };
  const color = {
    field: 'side',
    type: 'nominal',
    title: null,
    scale: sideColours([...new Set(values.map(({ side }) => side))]),
    legend: new Set(values.map(({ side }) => side)).size > 1 ? { symbolType: 'stroke' } : null,
  };
  return {
    title: heading(title, machineLines),
    width: 640,
    height: 280,
    data: { values },
    layer: [
      {
        mark: { type: 'area', opacity: 0.22 },
        encoding: {
          x,
          y: {
            field: 'q1',
            type: 'quantitative',
            title: `${timed[0].metric}: median and quartiles`,
            axis: { labelExpr: TIME_LABELS, tickCount: 6 },
            scale: { zero: true },
          },
          y2: { field: 'q3' },
          color,
        },
      },
      {
        mark: { type: 'line', strokeWidth: 2.6, point: { filled: true, size: 46 } },
        encoding: { x, y: { field: 'median', type: 'quantitative' }, color },
      },
    ],
  };
}
