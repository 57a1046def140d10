import type { Figure, Goal, Question, Result } from '../harness/question.ts';
import { exactly, type Spread } from '../harness/statistics.ts';
import { quantity, ratio } from './format.ts';

/** How a goal came out. */
export interface Verdict {
  readonly question: string;
  readonly goal: Goal;
  readonly outcome: 'met' | 'missed' | 'not measured';
  readonly value?: Spread;
  /** A ratio has none. */
  readonly unit?: string;
}

const PERCENTILES = { p99: 'p99', p999: 'p99.9' } as const;

export function judge({ name, goals = [] }: Question, result: Result): Verdict[] {
  return goals.map((goal): Verdict => {
    const found = measured(result, goal);
    if (!found) return { question: name, goal, outcome: 'not measured' };
    const { median } = found.value;
    const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = goal;
    const outcome = median <= atMost && median >= atLeast ? 'met' : 'missed';
    return { question: name, goal, outcome, ...found };
  });
}

export function verdictRow({ question, goal, outcome, value, unit }: Verdict): string[] {
  const { side, base, metric, point, percentile, atMost, atLeast } = goal;
  const what = [
    side + (point === undefined ? '' : ` at ${point}`),
    ...(metric === undefined ? [] : [metric]),
    ...(percentile === undefined ? [] : [PERCENTILES[percentile]]),
    ...(base === undefined ? [] : [`x ${base}`]),
  ];
  const bound = (limit = 0): string => (unit === undefined ? `${limit}` : quantity(limit, unit));
  const wanted =
    atMost === atLeast
      ? `exactly ${bound(atMost)}`
      : atMost === undefined
        ? `at least ${bound(atLeast)}`
        : `at most ${bound(atMost)}`;
  const got = value && (unit === undefined ? ratio(value) : quantity(value.median, unit));
  return [outcome, question, what.join('; '), wanted, got ?? ''];
}

function measured({ figures }: Result, goal: Goal): { value: Spread; unit?: string } | undefined {
  const { base, percentile } = goal;
  const figureOf = (name: string): Figure | undefined =>
    figures.find(
      ({ side, metric, point }) =>
        side === name && point === goal.point && metric === (goal.metric ?? metric),
    );
  const ours = figureOf(goal.side);
  if (percentile !== undefined && base !== undefined) {
    const [our, their] = [ours, figureOf(base)].map((figure) => figure?.latency?.[percentile]);
    return our === undefined || their === undefined ? undefined : { value: exactly(our / their) };
  }
  if (base === undefined) return ours && { value: ours.value, unit: ours.unit };
  const value = ours?.against?.[base];
  return value && { value };
}
