import { nominal, quantitative, sideColours, TIME_LABELS } from './theme.mjs';

/** A timed figure over a question's x axis: the median as a line, the quartiles as a band around it. */
export function axisPlot({ axis, figures }) {
  const timed = figures.filter(({ point, batch }) => point !== undefined && batch !== undefined);
  if (timed.length < 2) return undefined;
  const values = timed.map(({ side, point, value }) => ({ side, point, ...value }));
  const points = [...new Set(values.map(({ point }) => point))];
  const sides = [...new Set(values.map(({ side }) => side))];
  const x = quantitative('point', `${axis} (log scale)`, {
    scale: { type: 'log', domain: [Math.min(...points), Math.max(...points)], nice: false },
    axis: { values: points, format: ',d', grid: false },
  });
  const color = nominal('side', {
    scale: sideColours(sides),
    legend: sides.length > 1 ? { symbolType: 'stroke' } : null,
  });
  const band = quantitative('q1', `${timed[0].metric}: median and quartiles`, {
    axis: { labelExpr: TIME_LABELS, tickCount: 6 },
    scale: { zero: true },
  });
  return {
    height: 280,
    data: { values },
    layer: [
      { mark: { type: 'area', opacity: 0.22 }, encoding: { x, y: band, y2: { field: 'q3' }, color } },
      {
        mark: { type: 'line', strokeWidth: 2.6, point: { filled: true, size: 46 } },
        encoding: { x, y: { field: 'median', type: 'quantitative' }, color },
      },
    ],
  };
}
