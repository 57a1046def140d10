import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { javascriptOf } from '../support/javascript.ts';
import { COMBINATIONS } from '../support/loop.ts';
import { type Exit, FIXTURES, startProcess } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const CLEAN = { code: 0, signal: null, stderr: '' };
const SLOW = { timeout: 60_000 };

/** Runs a program that is JavaScript, on the compiled package. */
function run(combination: string, file: string, ...args: string[]): Promise<Exit> {
  const fixture = fileURLToPath(new URL(file, FIXTURES));
  return startProcess(process.execPath, ['--expose-gc', fixture, javascriptOf('src/index.ts'), ...args], {
    env: { FDCHANNEL_LOOP: combination },
    timeout: SLOW.timeout,
  }).exit;
}

/** What becomes of each scenario of the fixture: what it says, and its exit code when that is not 0. */
const moments: Record<string, readonly [stdout: string, code?: number]> = {
  'the first wait is made by an exit listener': [''],
  'a later wait is made by an exit listener': [''],
  'the first wait is made by an exit listener of process.exit': [''],
  'something comes when all exit listeners were removed': [''],
  'something comes in the last exit listener': [''],
  'somebody emits exit': ['done\n'],
  'the global timers and queueMicrotask are replaced': ['done\n'],
  'a continuation throws, and something else waits': ['done\n'],
  'process.exit in a continuation, and something else is ready': ['', 7],
  'what waits has the context in which it was called': ['["undefined","first"]\n'],
  'nothing keeps the context of the first wait': ['done\n'],
};

const WAYS = [
  'by itself',
  'by process.exit',
  'by an exception',
  'by a rejection',
  'without exit listeners',
  'out of memory',
  'terminated',
  'terminated, busy',
];

const FLOODS = ['process.exit', 'an exception', 'out of memory', 'terminate', 'terminate, busy'];

for (const combination of COMBINATIONS) {
  suite(`odd moments, ${combination}`, (test) => {
    for (const [scenario, [stdout, code = 0]] of Object.entries(moments)) {
      test(scenario, async () => {
        const depths = ['0', '1', '2'];
        const exits = await Promise.all(
          depths.map((depth) => run(combination, 'loop-moments.mjs', scenario, depth)),
        );
        for (const [depth, exit] of exits.entries()) {
          assert.deepEqual(exit, { ...CLEAN, stdout, code }, `as a worker ${depth} times over`);
        }
      });
    }
  });

  suite(`a worker that ends while it waits, ${combination}`, (test) => {
    test(
      'nothing is left of its waits, and its peers see the end',
      async () => {
        const { stdout, ...exit } = await run(combination, 'loop-worker-ends.mjs', '1', ...WAYS);
        assert.deepEqual(exit, { ...CLEAN, stderr: exit.stderr });
        const said = stdout.trim().split('\n');
        assert.deepEqual(
          said.map((line) => JSON.parse(line)),
          WAYS.map((way) => [way]),
        );
      },
      SLOW,
    );

    test('koffi may be unloaded with it', async () => {
      const exit = await run(combination, 'loop-unload.mjs');
      assert.deepEqual(exit, { ...CLEAN, stdout: '4 of 4\n' });
    });

    test(
      'the process goes on, whatever comes without a pause',
      async () => {
        const { stdout, ...exit } = await run(combination, 'loop-floods.mjs', '3', ...FLOODS);
        assert.deepEqual(exit, { ...CLEAN, stderr: exit.stderr });
        assert.equal(stdout, [...FLOODS.map((way) => `${way}: 3\n`), 'left: \n'].join(''));
      },
      SLOW,
    );
  });
}
