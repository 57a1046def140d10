import type { Bench, Comparison, Question, Side } from './question.ts';

/** A question that is answered by timing sides against each other. */
export interface TimedQuestion extends Omit<Question, 'measure'>, Pick<Comparison, 'bases' | 'budget'> {
  /** The sides, in the order of their turns; asked for at each point of the axis. */
  sides(bench: Bench, point: number): readonly Side[] | Promise<readonly Side[]>;
}

/** Makes a question out of a declared list of sides. */
export function timed(question: TimedQuestion): Question {
  const { sides, bases = [], budget = {}, ...rest } = question;
  return {
    ...rest,
    async measure(bench) {
      if (!question.axis) {
        await bench.compare(await sides(bench, 1), { bases, budget });
        return;
      }
      for (const point of question.axis.points) {
        if (bench.stopped) return;
        await bench.compare(await sides(bench, point), { bases, budget, point });
      }
    },
  };
}
