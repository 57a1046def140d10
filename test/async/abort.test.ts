import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { assertWorks, FRAMINGS, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { assertNoListener, drain, observe, recvTag, sendTag, tagged, turns, warningsOf } from './waits.ts';

/** What a signal may have for a reason, and the error that it is to be. */
const reasons: [what: string, abort: (controller: AbortController) => void][] = [
  ["Node's own", (controller) => controller.abort()],
  ['an error', (controller) => controller.abort(new RangeError('mine'))],
  ['an object', (controller) => controller.abort({ mine: true })],
  ['a string', (controller) => controller.abort('mine')],
  ['null', (controller) => controller.abort(null)],
];

/** How an arrival and an abort may meet. */
const meetings: [what: string, meet: (a: Endpoint, tag: number, abort: () => void) => unknown][] = [
  [
    'sent, then aborted',
    (a, tag, abort) => {
      sendTag(a, tag);
      abort();
    },
  ],
  [
    'aborted, then sent',
    (a, tag, abort) => {
      abort();
      sendTag(a, tag);
    },
  ],
  [
    'sent, and aborted in a microtask',
    async (a, tag, abort) => {
      sendTag(a, tag);
      await undefined;
      abort();
    },
  ],
  [
    'sent, and aborted after the wake',
    (a, tag, abort) => {
      sendTag(a, tag);
      setImmediate(abort);
    },
  ],
  [
    'sent, and aborted before the wake',
    (a, tag, abort) => {
      sendTag(a, tag);
      process.nextTick(abort);
    },
  ],
];

async function assertAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const outcome = await promise.then(
    (result) => ({ result }),
    (reason: unknown) => ({ reason }),
  );
  assert.ok('reason' in outcome, 'it was not rejected');
  assert.equal(outcome.reason, signal.reason);
  assertNoListener(signal);
}

for (const framing of FRAMINGS) {
  suite(`abort, ${framing}`, (test) => {
    for (const [what, abort] of reasons) {
      test(`a receive ends with the signal's reason, ${what}`, () =>
        withChannel(framing, async (a, b) => {
          const before = new AbortController();
          abort(before);
          sendTag(a, 1);
          await assertAborted(b.recvFDAsync({ signal: before.signal }), before.signal);
          assert.deepEqual(drain(b), [1], 'an aborted receive has taken nothing');

          const during = new AbortController();
          const received = observe(b.recvFDAsync({ signal: during.signal }));
          await turns();
          assert.equal(received.state, 'pending');
          abort(during);
          await assertAborted(received.promise, during.signal);
          assertWorks(a, b);
        }));

      test(`a send ends with the signal's reason, ${what}`, () =>
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            const before = new AbortController();
            abort(before);
            await assertAborted(a.sendFDAsync(fd, { signal: before.signal }), before.signal);
            assert.deepEqual(drain(b), [], 'an aborted send has sent nothing');

            const full = fill(a, fd);
            const during = new AbortController();
            const sent = observe(a.sendFDAsync(fd, { signal: during.signal }));
            await turns();
            assert.equal(sent.state, 'pending');
            abort(during);
            await assertAborted(sent.promise, during.signal);
            assert.equal(drain(b).length, full);
            await turns();
            assertWorks(a, b);
          }),
        ));
    }

    test('an abort after the end of the wait changes nothing', () =>
      withChannel(framing, async (a, b) => {
        const { signal, abort } = controller();
        const received = recvTag(b, signal);
        sendTag(a, 1);
        assert.equal(await received, 1);
        assertNoListener(signal);
        abort();
        assertWorks(a, b);
      }));

    for (const [what, meet] of meetings) {
      test(`in the tick of the arrival nothing is lost: ${what}`, () =>
        withChannel(framing, async (a, b) => {
          for (let tag = 1; tag <= 200; tag++) {
            const { signal, abort } = controller();
            const wait = recvTag(b, signal).catch((reason) => {
              assert.equal(reason, signal.reason);
              return undefined;
            });
            if (tag % 2 === 0) await turns(1);
            await meet(a, tag, abort);
            const received = await wait;
            // Either it was delivered, or it is still in the kernel.
            assert.deepEqual(received === undefined ? drain(b) : [received, ...drain(b)], [tag]);
            assertNoListener(signal);
          }
        }));
    }

    test('of several waits only the aborted ones end, and the others keep their order', () =>
      withChannel(framing, async (a, b) => {
        const { signal, abort } = controller();
        const aborted = [0, 2, 4];
        const waits = Array.from({ length: 6 }, (_, i) =>
          recvTag(b, aborted.includes(i) ? signal : undefined),
        );
        const outcomes = Promise.allSettled(waits);
        await turns();
        for (const tag of [1, 2, 3]) sendTag(a, tag);
        abort();
        const values = (await outcomes).map((each) =>
          each.status === 'fulfilled' ? each.value : each.reason,
        );
        assert.deepEqual(values, [signal.reason, 1, signal.reason, 2, signal.reason, 3]);
      }));

    test('one signal ends waits of several endpoints, in both directions', () =>
      withChannel(framing, (a, b) =>
        withChannel(framing, (c) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(a, fd);
            const { signal, abort } = controller();
            const waits = [
              a.sendFDAsync(fd, { signal }),
              b.recvFDAsync({ signal }),
              c.recvFDAsync({ signal }),
              c.recvFDAsync({ signal }),
            ];
            // What is there is received at once, and is no wait.
            closeFD((await waits.splice(1, 1)[0]) as number);
            const all = Promise.all(waits.map((wait) => assertAborted(wait, signal)));
            abort();
            await all;
            drain(b);
          }),
        ),
      ));

    test('an abort listener that destroys the endpoint ends the wait once', () =>
      withChannel(framing, async (_, b) => {
        const { signal, abort } = controller();
        signal.addEventListener('abort', () => b.destroy(), { once: true });
        const waits = [b.recvFDAsync({ signal }), b.recvFDAsync({ signal })].map(observe);
        abort();
        await turns();
        assert.deepEqual(
          waits.map(({ state }) => state),
          ['rejected', 'rejected'],
        );
        assertNoListener(signal);
      }));
  });

  suite(`ten thousand waits on one signal, ${framing}`, (test) => {
    test('one after the other leave no listener and give no warning', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([tagged(1)], async (fd) => {
          const { signal } = new AbortController();
          const warnings = await warningsOf(async () => {
            for (let i = 0; i < 10_000; i++) {
              const received = b.recvFDAsync({ signal });
              a.sendFD(fd);
              closeFD(await received);
            }
          });
          assert.deepEqual(warnings, []);
          assertNoListener(signal);
        }),
      ));

    test('at once give no warning, and all end with it', () =>
      withChannel(framing, async (_, b) => {
        const { signal, abort } = controller();
        const before = openDescriptors().size;
        let aborted = 0;
        const warnings = await warningsOf(async () => {
          const waits = Array.from({ length: 10_000 }, () =>
            b.recvFDAsync({ signal }).catch((reason) => {
              assert.equal(reason, signal.reason);
              aborted++;
            }),
          );
          await turns();
          assert.ok(openDescriptors().size <= before + 1, 'one endpoint waits with one descriptor');
          abort();
          await Promise.all(waits);
        });
        assert.deepEqual(warnings, []);
        assert.equal(aborted, 10_000);
        assertNoListener(signal);
      }));
  });
}

function controller(): { signal: AbortSignal; abort: () => void } {
  const made = new AbortController();
  return { signal: made.signal, abort: () => made.abort() };
}
