import assert from 'node:assert/strict';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const naturally = ['by itself', 'process.exit', 'process.exit with all that ready', 'an uncaught exception'];

const CLEAN = { code: 0, signal: null, stderr: '' };

suite('an end while something waits, or has come', (test) => {
  for (const ending of naturally) {
    test(`${ending}: the process ends cleanly`, async () => {
      const { stdout, ...exit } = await startFixture('async-last.ts', { args: [ending] }).exit;
      assert.deepEqual(exit, CLEAN);
    });
  }

  test('a worker ends cleanly, and its process goes on', () =>
    assertWorkersEnd(naturally.map((ending) => [ending, 0])));

  test('worker.terminate, ten times: the process goes on', () =>
    assertWorkersEnd([
      ...Array(8).fill(['terminate', 1]),
      ...Array(2).fill(['terminate, the thread busy', 1]),
    ]));
});

async function assertWorkersEnd(
  workers: readonly (readonly [ending: string, code: number])[],
): Promise<void> {
  const args = ['workers', ...workers.map(([ending]) => ending)];
  const { stdout, ...exit } = await startFixture('async-last.ts', { args }).exit;
  assert.deepEqual(exit, CLEAN, `after:\n${stdout}`);
  assert.equal(stdout, workers.map(([ending, code]) => `${ending}: ${code}\n`).join(''));
}
