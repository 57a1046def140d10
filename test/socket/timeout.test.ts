import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { SyscallError } from '../../src/index.ts';
import { assertReceives, drain, sendTag, withChannel } from '../support/channel.ts';
import { ENDS, type End } from '../support/ends.ts';
import { setNonblocking } from '../support/raw.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE, type Refusal } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const bad: [options: unknown, refusal: Refusal][] = [
  ...[-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31].map((timeout): [unknown, Refusal] => [
    { timeout },
    BAD_RANGE,
  ]),
  ...['1', null, 3n, true, {}].map((timeout): [unknown, Refusal] => [{ timeout }, BAD_TYPE]),
  ...[null, 5, 'timeout', true, () => ({})].map((options): [unknown, Refusal] => [options, BAD_TYPE]),
];

const over =
  (syscall: string, what: string) =>
  (timeout: number): Refusal => [
    SyscallError,
    'ETIMEDOUT',
    {
      syscall,
      errno: -110,
      message: `ETIMEDOUT: connection timed out, ${syscall} (${what} within ${timeout} ms)`,
    },
  ];

/** What waits on a socket that is full, with nothing to receive. */
const forms: [
  form: 'send' | 'receive',
  call: (end: End, options?: object) => unknown,
  refusal: (timeout: number) => Refusal,
][] = [
  ['receive', (end, options) => end.receive(options), over('recvmsg', 'nothing came')],
  ['send', (end, options) => end.send(0, options), over('sendmsg', 'no room came')],
];

for (const kind of ENDS) {
  suite(`a timeout, ${kind.name}`, (test) => {
    for (const [form, call, refusal] of forms) {
      for (const nonblocking of [false, true]) {
        test(`${form} waits as long, and no less${nonblocking ? ', O_NONBLOCK' : ''}`, () =>
          withChannel(kind, (own) => {
            if (nonblocking) setNonblocking(own.fd);
            kind.fill(own, 0);
            for (const timeout of [0, 1, 30]) {
              const start = performance.now();
              assertRefused(() => call(own, { timeout }), refusal(timeout));
              const elapsed = performance.now() - start;
              assert.ok(elapsed >= timeout, `${timeout} ms took ${elapsed} ms`);
            }
          }));
      }

      test(`${form} waits as long in a worker, in slices`, () =>
        withChannel(kind, async (own) => {
          kind.fill(own, 0);
          const thread = await startWorker('waits-in-vain.ts', [kind.name, own.fd, form, 250]);
          const { code, ms } = (await thread.next()) as { code: string; ms: number };
          assert.equal(code, 'ETIMEDOUT');
          assert.ok(ms >= 250, `250 ms took ${ms} ms`);
          await thread.exit;
        }));

      test(`${form} ends with the channel`, () =>
        withChannel(kind, (own, peer) => {
          kind.fill(own, 0);
          peer.destroy();
          for (const timeout of [0, 2 ** 31 - 1])
            assertRefused(() => call(own, { timeout }), kind.ended[form]);
        }));

      test(`${form} refuses what is no timeout, and does nothing`, () =>
        withChannel(kind, (own, peer) => {
          sendTag(peer, 1);
          for (const [options, badness] of bad)
            assertRefused(() => call(own, options as object), badness, inspect(options));
          assert.deepEqual([drain(own), drain(peer)], [[1], []]);
        }));
    }

    for (const timeout of [0, 1, 2 ** 31 - 1, undefined]) {
      test(`what can be done at once is done: ${timeout ?? 'without one'}`, () =>
        withChannel(kind, (own, peer) => {
          for (const options of timeout === undefined ? [undefined, {}, { timeout }] : [{ timeout }]) {
            assert.equal(peer.send(own, options), undefined);
            assertReceives(own, own.fd, (end) => end.receive(options));
          }
        }));
    }
  });
}
