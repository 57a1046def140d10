import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { assertWorks, drain, recvTag, sendTag, withChannel } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { type End, PASSERS } from '../support/ends.ts';
import { tagged, temporaryFile, withDescriptors } from '../support/files.ts';
import { suite } from '../support/suite.ts';
import { aborting, assertNoListener, observe, turns, warningsOf } from '../support/waits.ts';

/** What a signal may be aborted with. */
const reasons: [what: string, reason: unknown][] = [
  ["Node's own", undefined],
  ['an error', new RangeError('mine')],
  ['an object', { mine: true }],
  ['a string', 'mine'],
  ['null', null],
];

/** How an arrival and an abort may meet. */
const meetings: [what: string, meet: (a: End, tag: number, abort: () => void) => unknown][] = [
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

for (const kind of PASSERS) {
  suite(`abort, ${kind.name}`, (test) => {
    for (const [what, reason] of reasons) {
      test(`a receive ends with the signal's reason, ${what}`, () =>
        withChannel(kind, async (a, b) => {
          const before = aborting();
          before.abort(reason);
          sendTag(a, 1);
          await assertAborted(b.receiveAsync({ signal: before.signal }), before.signal);
          assert.deepEqual(drain(b), [1], 'an aborted receive has taken nothing');

          const during = aborting();
          const received = observe(b.receiveAsync({ signal: during.signal }));
          await turns();
          assert.equal(received.state, 'pending');
          during.abort(reason);
          await assertAborted(received.promise, during.signal);
          assertWorks(a, b);
        }));

      test(`a send ends with the signal's reason, ${what}`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            const before = aborting();
            before.abort(reason);
            await assertAborted(a.sendAsync(fd, { signal: before.signal }), before.signal);
            assert.deepEqual(drain(b), [], 'an aborted send has sent nothing');

            const full = kind.fill(a, fd);
            const during = aborting();
            const sent = observe(a.sendAsync(fd, { signal: during.signal }));
            await turns();
            assert.equal(sent.state, 'pending');
            during.abort(reason);
            await assertAborted(sent.promise, during.signal);
            assert.equal(drain(b).length, full);
            await turns();
            assertWorks(a, b);
          }),
        ));
    }

    test('an abort after the end of the wait changes nothing', () =>
      withChannel(kind, async (a, b) => {
        const { signal, abort } = aborting();
        const received = recvTag(b, signal);
        sendTag(a, 1);
        assert.equal(await received, 1);
        assertNoListener(signal);
        abort();
        assertWorks(a, b);
      }));

    for (const [what, meet] of meetings) {
      test(`in the tick of the arrival nothing is lost: ${what}`, () =>
        withChannel(kind, async (a, b) => {
          for (let tag = 1; tag <= 200; tag++) {
            const { signal, abort } = aborting();
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
      withChannel(kind, async (a, b) => {
        const { signal, abort } = aborting();
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

    test('a signal of two waits still ends the second when the first was served', () =>
      withChannel(kind, async (a, b) => {
        const { signal, abort } = aborting();
        const [first, second] = [recvTag(b, signal), assertAborted(b.receiveAsync({ signal }), signal)];
        sendTag(a, 1);
        assert.equal(await first, 1);
        abort();
        await second;
        assertWorks(a, b);
      }));

    test('one signal ends waits of several ends, in both directions', () =>
      withChannel(kind, (a, b) =>
        withChannel(kind, (c) =>
          withDescriptors([temporaryFile()], async (fd) => {
            kind.fill(a, fd);
            const { signal, abort } = aborting();
            const waits = [
              a.sendAsync(fd, { signal }),
              b.receiveAsync({ signal }),
              c.receiveAsync({ signal }),
              c.receiveAsync({ signal }),
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

    test('an abort listener that destroys the end ends its waits once', () =>
      withChannel(kind, async (_, b) => {
        const { signal, abort } = aborting();
        signal.addEventListener('abort', () => b.destroy(), { once: true });
        const waits = [b.receiveAsync({ signal }), b.receiveAsync({ signal })].map(observe);
        abort();
        await turns();
        assert.deepEqual(
          waits.map(({ state }) => state),
          ['rejected', 'rejected'],
        );
        assertNoListener(signal);
      }));
  });

  suite(`ten thousand waits on one signal, ${kind.name}`, (test) => {
    test('one after the other leave no listener and give no warning', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([tagged(1)], async (fd) => {
          const { signal } = aborting();
          const warnings = await warningsOf(async () => {
            for (let i = 0; i < 10_000; i++) {
              const received = b.receiveAsync({ signal });
              a.send(fd);
              closeFD(await received);
            }
          });
          assert.deepEqual(warnings, []);
          assertNoListener(signal);
        }),
      ));

    test('at once give no warning, and all end with it', () =>
      withChannel(kind, async (_, b) => {
        const { signal, abort } = aborting();
        const before = openDescriptors().size;
        let aborted = 0;
        const warnings = await warningsOf(async () => {
          const waits = Array.from({ length: 10_000 }, () =>
            b.receiveAsync({ signal }).catch((reason) => {
              assert.equal(reason, signal.reason);
              aborted++;
            }),
          );
          await turns();
          assert.ok(openDescriptors().size <= before + 1, 'one end waits with one descriptor');
          abort();
          await Promise.all(waits);
        });
        assert.deepEqual(warnings, []);
        assert.equal(aborted, 10_000);
        assertNoListener(signal);
      }));
  });
}
