import assert from 'node:assert/strict';
import { LOOP_ENDS } from '../support/ends.ts';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const naturally = ['by itself', 'process.exit', 'process.exit with all that ready', 'an uncaught exception'];

const CLEAN = { code: 0, signal: null, stderr: '' };

/** Each worker takes a third of a second to start, on a quiet machine. */
const SLOW = { timeout: 180_000 };
const PATIENT = { timeout: SLOW.timeout - 10_000 };

const TIMES = 10;

suite('an end while something waits, or has come', (test) => {
  for (const ending of naturally) {
    test(
      `${ending}: the process ends cleanly`,
      async () => {
        const { stdout, ...exit } = await startFixture('async-last.ts', { args: [ending], ...PATIENT }).exit;
        assert.deepEqual(exit, CLEAN);
      },
      SLOW,
    );
  }

  test(
    'a worker ends cleanly, and its process goes on',
    () => assertWorkersEnd(naturally.map((ending) => [ending, 0])),
    SLOW,
  );

  test(
    'worker.terminate, ten times: the process goes on',
    () =>
      assertWorkersEnd([
        ...Array(8).fill(['terminate', 1]),
        ...Array(2).fill(['terminate, the thread busy', 1]),
      ]),
    SLOW,
  );

  for (const { name } of LOOP_ENDS) {
    test(
      `worker.terminate while descriptors and room come without a pause, ${name}: the process goes on`,
      async () => {
        const args = [name, String(TIMES)];
        const { stdout, ...exit } = await startFixture('async-terminated.ts', { args, ...PATIENT }).exit;
        assert.deepEqual(exit, CLEAN, `after ${stdout}`);
        assert.equal(stdout.trim().split('\n').at(-1), String(TIMES));
      },
      SLOW,
    );
  }
});

async function assertWorkersEnd(
  workers: readonly (readonly [ending: string, code: number])[],
): Promise<void> {
  const args = ['workers', ...workers.map(([ending]) => ending)];
  const { stdout, ...exit } = await startFixture('async-last.ts', { args, ...PATIENT }).exit;
  assert.deepEqual(exit, CLEAN, `after:\n${stdout}`);
  assert.equal(stdout, workers.map(([ending, code]) => `${ending}: ${code}\n`).join(''));
}
