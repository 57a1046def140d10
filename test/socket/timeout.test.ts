import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { drain, sendTag, withChannel } from '../support/channel.ts';
import { ENDS } from '../support/ends.ts';
import { tagOf } from '../support/files.ts';
import { setNonblocking } from '../support/raw.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE, RECEIVE_TIMED_OUT, type Refusal } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

const bad: [options: unknown, refusal: Refusal][] = [
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31].map((timeout): [unknown, Refusal] => [
    { timeout },
    BAD_RANGE,
  ]),
  ...['1', null, 3n, true, {}].map((timeout): [unknown, Refusal] => [{ timeout }, BAD_TYPE]),
  ...[null, 5, 'timeout', true, () => ({})].map((options): [unknown, Refusal] => [options, BAD_TYPE]),
];

for (const kind of ENDS) {
  suite(`a receive with a timeout, ${kind.name}`, (test) => {
    for (const nonblocking of [false, true]) {
      test(`is over after that time, and not before${nonblocking ? ', O_NONBLOCK' : ''}`, () =>
        withChannel(kind, (_, b) => {
          if (nonblocking) setNonblocking(b.fd);
          for (const timeout of [0, 1, 30]) {
            const start = performance.now();
            assertRefused(() => b.receive({ timeout }), RECEIVE_TIMED_OUT);
            const elapsed = performance.now() - start;
            assert.ok(elapsed >= timeout, `${timeout} ms took ${elapsed} ms`);
          }
        }));
    }

    for (const timeout of [0, 1, 2 ** 31 - 1, undefined]) {
      test(`takes what is there, ${timeout ?? 'without one'}`, () =>
        withChannel(kind, (a, b) => {
          for (const options of timeout === undefined ? [undefined, {}, { timeout }] : [{ timeout }]) {
            sendTag(a, 1);
            assert.equal(tagOf(b.receive(options)), 1);
          }
        }));
    }

    test('ends with the channel', () =>
      withChannel(kind, (a, b) => {
        a.destroy();
        for (const timeout of [0, 2 ** 31 - 1])
          assertRefused(() => b.receive({ timeout }), kind.ended.receive);
      }));

    test('refuses what is no timeout, and takes nothing', () =>
      withChannel(kind, (a, b) => {
        sendTag(a, 1);
        for (const [options, refusal] of bad)
          assertRefused(() => b.receive(options as object), refusal, inspect(options));
        assert.deepEqual(drain(b), [1]);
      }));
  });
}
