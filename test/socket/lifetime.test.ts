import assert from 'node:assert/strict';
import { ENDS } from '../support/ends.ts';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

/** The scenarios of the fixture with which nothing keeps the loop alive, in order. */
const ends = [
  'idle',
  'idle after a wait was served',
  'idle after a wait was aborted',
  'idle after a send that waited',
  'the end was destroyed',
  'the end was detached',
  'the channel has ended',
  'unref before the wait',
  'unref during the wait',
  'unref of both directions',
  'a second wait after unref',
  'an iteration after unref',
];

/** And those with which a wait does. */
const goesOn = [
  'a receive waits',
  'a send waits',
  'ref after unref',
  'ref twice, unref once, ref',
  'one of two waits was served',
  'one of two waits was aborted',
  'a wait after an idle time',
  'a receive was served, a send waits',
];

const expected = ENDS.flatMap((kind) => [
  ...ends.map((name) => [kind.name, name, 'ends']),
  ...goesOn.map((name) => [kind.name, name, 'alive']),
]);

suite('what keeps the event loop alive', (test) => {
  for (const where of ['in a process', 'in a worker']) {
    test(`${where}: a wait does, but no idle end and no unref-ed wait`, async () => {
      const { code, signal, stdout, stderr } = await startFixture('async-lifetime.ts', { args: [where] })
        .exit;
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
      const outcomes = stdout.trim().split('\n');
      assert.deepEqual(
        outcomes.map((line) => JSON.parse(line)),
        expected,
      );
    });
  }
});
