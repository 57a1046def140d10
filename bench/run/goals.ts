import type { Goal, Result } from '../harness/question.ts';
import type { Spread } from '../harness/statistics.ts';
import { quantity, ratio } from './format.ts';

/** How a goal came out. */
export interface Verdict {
  readonly question: string;
  readonly goal: Goal;
  readonly outcome: 'met' | 'missed' | 'not measured';
  readonly value?: Spread;
  readonly unit?: string;
}

export function judge(result: Result): Verdict[] {
  return result.goals.map((goal): Verdict => {
    const { question } = result;
    const found = goal.base === undefined ? figureOf(result, goal) : ratioOf(result, goal);
    if (!found) return { question, goal, outcome: 'not measured' };
    const { median } = found.value;
    const { atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = goal;
    const outcome = median <= atMost && median >= atLeast ? 'met' : 'missed';
    return { question, goal, outcome, ...found };
  });
}

export function verdictRow({ question, goal, outcome, value, unit }: Verdict): string[] {
  const { atMost, atLeast, text } = goal;
  const wanted =
    atMost === atLeast
      ? `exactly ${atMost}`
      : atMost === undefined
        ? `at least ${atLeast}`
        : `at most ${atMost}`;
  const got = value && (unit === undefined ? ratio(value) : quantity(value.median, unit));
  return [outcome, question, text, wanted, got ?? ''];
}

function ratioOf(result: Result, goal: Goal): { value: Spread } | undefined {
  const found = result.ratios.find(
    ({ side, base, point }) => side === goal.side && base === goal.base && point === goal.point,
  );
  return found && { value: found.value };
}

function figureOf(result: Result, goal: Goal): { value: Spread; unit: string } | undefined {
  const found = result.figures.find(
    ({ side, metric, point }) => side === goal.side && metric === goal.metric && point === goal.point,
  );
  return found && { value: found.value, unit: found.unit };
}
