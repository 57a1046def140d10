import assert from 'node:assert/strict';
import { suite } from '../support/suite.ts';
import { generate } from './generate.ts';
import { countOf, type History, type Step } from './history.ts';
import { shrink } from './shrink.ts';

const never = (): boolean => false;

function short(history: History, isWrong: (steps: readonly Step[]) => boolean): Promise<History> {
  return shrink(history, async ({ steps }) => isWrong(steps), never);
}

function kinds({ steps }: History): string[] {
  return steps.map((step) => step.do);
}

const STEPS: readonly Step[] = [
  { do: 'settle' },
  { do: 'send', end: 0, form: 'async', count: 300, signal: 3 },
  { do: 'receive', end: 1, form: 'within', ms: 2 },
  { do: 'turns', count: 2 },
  { do: 'abort', end: 0, signal: 3 },
  { do: 'destroy', end: 1 },
];
const LONG: History = { row: 'endpoint/stream', places: ['main', 'worker'], steps: STEPS };

suite('shrinking', (test) => {
  test('leaves out what does not matter, wherever it stands', async () => {
    for (const [i, only] of STEPS.entries()) {
      const found = await short(LONG, (steps) => steps.some((step) => step.do === only.do));
      assert.deepEqual(kinds(found), [only.do], `step ${i}`);
    }
  });

  test('keeps two steps that matter together, and their order', async () => {
    const isWrong = (steps: readonly Step[]): boolean => {
      const send = steps.findIndex((step) => step.do === 'send');
      return send >= 0 && steps.slice(send).some((step) => step.do === 'destroy');
    };
    assert.deepEqual(kinds(await short(LONG, isWrong)), ['send', 'destroy']);
  });

  test('makes counts as small as they may be', async () => {
    const calls = (steps: readonly Step[]): number => steps.reduce((sum, step) => sum + countOf(step), 0);
    for (const wanted of [1, 2, 49, 150, 299]) {
      const found = await short({ ...LONG, steps: STEPS.slice(1, 2) }, (steps) => calls(steps) >= wanted);
      assert.equal(calls(found.steps), wanted);
    }
  });

  test('makes steps plain', async () => {
    const found = await short(LONG, (steps) =>
      kinds({ ...LONG, steps })
        .join()
        .includes('send,receive'),
    );
    assert.deepEqual(found.steps, [
      { do: 'send', end: 0, form: 'async', count: 1 },
      { do: 'receive', end: 1, form: 'within', ms: 0 },
    ]);
  });

  test('never changes the ends', async () => {
    const { row, places } = await short(LONG, () => true);
    assert.deepEqual([row, places], [LONG.row, LONG.places]);
  });

  test('comes to the end when it has taken long enough', async () => {
    const history = generate(11);
    const found = await shrink(
      history,
      async () => true,
      () => true,
    );
    assert.equal(found, history);
  });
});
