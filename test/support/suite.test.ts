import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { javascriptOf } from './javascript.ts';
import { type Exit, startProcess } from './processes.ts';
import { suite } from './suite.ts';

/** How long a run that is to fail waits for what will not come, in milliseconds. */
const IMPATIENT = { FDCHANNEL_TEST_PATIENCE: '200' };

async function run(
  patterns: readonly string[],
  env: NodeJS.ProcessEnv = IMPATIENT,
): Promise<Exit & { lastLine: string | undefined }> {
  const selected = patterns.map((name) =>
    name.replace(/^suites.*/, (file) => javascriptOf(`test/fixtures/${file}`)),
  );
  const args = [javascriptOf('test/support/run.ts'), ...selected];
  const exit = await startProcess(process.execPath, args, { env: { NO_COLOR: '1', ...env } }).exit;
  return { ...exit, lastLine: exit.stdout.trimEnd().split('\n').at(-1) };
}

/** The tests of failing.suite.ts, and what each is told. */
const failing: [title: string, fault: string][] = [
  ['asserts', String.raw`AssertionError: Expected values .+\n.+\n\s+\n\s+{\n.+fd: 3\n.+fd: 4\n`],
  ['compares symbols', 'AssertionError: Expected values '],
  ['throws a string', "Error: thrown, and not an Error: 'a string'"],
  ['throws undefined', 'Error: thrown, and not an Error: undefined'],
  ['throws later', 'AssertionError: stray exception'],
  ['rejects unheard', 'Error: stray rejection'],
  ['never settles', 'Error: still running after 100 ms'],
  ['opens', String.raw`Error: descriptor \d+ was left open: \S+failing\.suite\.js`],
  ['closes', String.raw`Error: descriptor \d+ was closed: \S+failing\.suite\.js`],
  [
    'exchanges',
    String.raw`Error: descriptor \d+ was exchanged: \S+failing\.suite\.js \(.+\) is now /dev/null`,
  ],
  [
    'throws and opens',
    String.raw`RangeError: the first fault\n\s+caused by 'the cause'\n\s+and descriptor \d+ was left open`,
  ],
  ['leaves a process', String.raw`Error: still running: process \d+, sleep 600`],
  ['leaves a thread', String.raw`Error: still running: thread \d+, waits\.worker\.ts`],
];

/** Suites that go wrong outside of a test body, what their run has to say, and how it has to end. */
const broken: [name: string, says: RegExp, lastLine: string][] = [
  ['assertion', /FAIL +broken +"asserts"/, '1 passed, 1 failed'],
  ['busy-loop', /^problem: the event loop is kept alive by .*Timeout$/m, '2 passed, 1 failed'],
  ['exits', /^problem: the process ended early, in broken > exits$/m, '0 passed, 2 failed'],
  ['registers-late', /^problem: never ran: 1 of 2 tests$/m, '1 passed, 1 failed'],
  ['empty-suite', /^problem: no test in suite hollow$/m, '1 passed, 1 failed'],
  ['empty', /^problem: no test in \S+empty\.suite\.js$/m, '0 passed, 1 failed'],
  ['import-error', /^problem: the import of the tests: .+ERR_MODULE_NOT_FOUND/m, '0 passed, 1 failed'],
];

suite('suite', (test) => {
  test('a good suite passes', async () => {
    const { code, lastLine, stderr } = await run(['suites/good.suite.ts'], {});
    assert.deepEqual({ code, lastLine, stderr }, { code: 0, lastLine: '2 passed, 0 failed', stderr: '' });
  });

  test('a skipped test says why', async () => {
    const { code, lastLine, stdout } = await run(['suites/skipped.suite.ts']);
    assert.match(stdout, /^skipped: skipping > declared: not on a Tuesday$/m);
    assert.match(stdout, /^skipped: skipping > thrown: no such kernel$/m);
    assert.deepEqual({ code, lastLine }, { code: 0, lastLine: '1 passed, 0 failed, 2 skipped' });
  });

  for (const [name, says, expected] of broken) {
    test(`${name} fails the run`, async () => {
      const { code, lastLine, stdout } = await run([`suites/${name}.suite.ts`]);
      assert.match(stdout, says);
      assert.deepEqual({ code, lastLine }, { code: 1, lastLine: expected });
    });
  }

  test('every way to fail is told, and hides no other test', async () => {
    const { code, lastLine, stdout } = await run(['suites/failing.suite.ts', 'suites/skipped.suite.ts']);
    for (const [title, fault] of failing) {
      assert.match(stdout, new RegExp(`FAIL +failing +"${title}"\n +${fault}`));
      assert.match(stdout, new RegExp(`^failed: failing > ${title}: ${fault}`, 'm'));
    }
    assert.deepEqual(
      { code, lastLine },
      { code: 1, lastLine: `1 passed, ${failing.length} failed, 2 skipped` },
    );
    await untilGone(stdout.match(/process (\d+), sleep/)?.[1]);
  });

  test('a pattern that matches nothing fails the run', async () => {
    const { code, lastLine, stdout } = await run(['suites/good.suite.ts', 'no such test'], {});
    assert.match(stdout, /problem: no test file matches no such test/);
    assert.deepEqual({ code, lastLine }, { code: 1, lastLine: '2 passed, 1 failed' });
  });

  test('a thread asleep in the kernel fails its test, and does not keep the run from ending', async () => {
    const { signal, lastLine, stdout } = await run(['suites/left-thread-asleep.suite.ts']);
    assert.match(stdout, /still running: thread \d+, reads\.ts, which cannot be ended/);
    assert.match(stdout, /problem: the event loop is kept alive/);
    assert.deepEqual({ signal, lastLine }, { signal: 'SIGKILL', lastLine: '1 passed, 2 failed' });
  });

  test('a main thread that blocks is killed by name, with its processes', async () => {
    const { signal, stdout, stderr } = await run(['suites/blocked.suite.ts']);
    assert.match(stderr, /^blocked: the main thread has not come back .+ broken > blocks$/m);
    assert.doesNotMatch(stdout, /passed/);
    assert.equal(signal, 'SIGKILL');
    await untilGone(stdout.match(/process (\d+)/)?.[1]);
  });
});

async function untilGone(pid: string | undefined): Promise<void> {
  assert.ok(pid, 'the run names the process');
  if (!existsSync('/proc/self/stat')) return;
  // A process whose new parent does not care about it stays a zombie.
  while (existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
    await delay(5);
}
