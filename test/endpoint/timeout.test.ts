import assert from 'node:assert/strict';
import {
  assertReceives,
  assertRefused,
  BAD_RANGE,
  BAD_TYPE,
  ENDED,
  FRAMINGS,
  type Refusal,
  TIMED_OUT,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { setNonblocking } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

const bad: [options: unknown, refusal: Refusal][] = [
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31].map((timeout): [unknown, Refusal] => [
    { timeout },
    BAD_RANGE,
  ]),
  ...['1', null, 3n, true, {}].map((timeout): [unknown, Refusal] => [{ timeout }, BAD_TYPE]),
  ...[null, 5, 'timeout', true, () => ({})].map((options): [unknown, Refusal] => [options, BAD_TYPE]),
];

for (const framing of FRAMINGS) {
  suite(`recvFD with a timeout, ${framing}`, (test) => {
    for (const nonblocking of [false, true]) {
      test(`is over after that time, and not before${nonblocking ? ', O_NONBLOCK' : ''}`, () =>
        withChannel(framing, (_, b) => {
          if (nonblocking) setNonblocking(b.fd);
          for (const timeout of [0, 1, 30]) {
            const start = performance.now();
            assertRefused(() => b.recvFD({ timeout }), TIMED_OUT);
            const elapsed = performance.now() - start;
            assert.ok(elapsed >= timeout && elapsed < timeout + 1000, `${timeout} ms took ${elapsed} ms`);
          }
        }));
    }

    test('takes what is there, with 0 too, and with the longest', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], (fd) => {
          for (const timeout of [0, 1, 2 ** 31 - 1]) {
            a.sendFD(fd);
            const received = b.recvFD({ timeout });
            b.sendFD(received);
            assertReceives(a, fd);
            a.sendFD(received);
            assertReceives(b, received);
            void withDescriptors([received], () => {});
          }
        }),
      ));

    test('ends with the channel', () =>
      withChannel(framing, (a, b) => {
        a.destroy();
        for (const timeout of [0, 2 ** 31 - 1]) assertRefused(() => b.recvFD({ timeout }), ENDED);
      }));

    test('refuses what is no timeout, and takes nothing', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], (fd) => {
          a.sendFD(fd);
          for (const [options, refusal] of bad)
            assertRefused(() => b.recvFD(options as object), refusal, String(options));
          assertReceives(b, fd);
        }),
      ));

    test('has none without one', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], (fd) => {
          for (const options of [undefined, {}, { timeout: undefined }]) {
            a.sendFD(fd);
            const received = b.recvFD(options);
            void withDescriptors([received], () => assert.notEqual(received, fd));
          }
        }),
      ));
  });
}
