import assert from 'node:assert/strict';
import { type AsyncOptions, closeFD } from '../../src/index.ts';
import { assertWorks, drain, recvTag, sendTag, withChannel } from '../support/channel.ts';
import { waysOut } from '../support/endings.ts';
import { ENDS, type End } from '../support/ends.ts';
import { tagOf } from '../support/files.ts';
import { assertRejects, RECEIVE_CLOSED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { aborting, assertNoListener, observe, turns } from '../support/waits.ts';

/** How a loop may be left after the first descriptor. */
const leaves: [what: string, leave: (end: End, options?: AsyncOptions) => Promise<unknown>][] = [
  [
    'break',
    async (end, options) => {
      for await (const fd of end.iterate(options)) {
        closeFD(fd);
        break;
      }
    },
  ],
  [
    'throw',
    async (end, options) => {
      const mine = new RangeError('mine');
      const loop = async (): Promise<void> => {
        for await (const fd of end.iterate(options)) {
          closeFD(fd);
          throw mine;
        }
      };
      await assert.rejects(loop, (error) => error === mine);
    },
  ],
  [
    'return()',
    async (end, options) => {
      const iterator = end.iterate(options);
      const { value } = await iterator.next();
      closeFD(value as number);
      assert.deepEqual(await iterator.return(), { done: true, value: undefined });
      assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    },
  ],
];

for (const kind of ENDS) {
  suite(`async iteration, ${kind.name}`, (test) => {
    for (const [way, giveUp] of waysOut) {
      test(`throws after ${way}, with what came before`, () =>
        withChannel(kind, async (a, b) => {
          const got: number[] = [];
          const loop = async (): Promise<void> => {
            for await (const fd of b.iterate()) got.push(tagOf(fd));
          };
          const all = assertRejects(loop(), RECEIVE_CLOSED);
          sendTag(a, 1);
          while (got.length === 0) await turns(1);
          giveUp(b);
          await all;
          assert.deepEqual(got, [1]);
        }));
    }

    for (const [what, leave] of leaves) {
      test(`left by ${what}, it takes no descriptor along, and the end stays open`, () =>
        withChannel(kind, async (a, b) => {
          for (const tag of [1, 2, 3]) sendTag(a, tag);
          await leave(b);
          await turns();
          assert.deepEqual(drain(b), [2, 3]);
          assertWorks(a, b);
        }));
    }

    test('return() before the first next() has taken nothing', () =>
      withChannel(kind, async (a, b) => {
        const iterator = b.iterate();
        sendTag(a, 1);
        assert.deepEqual(await iterator.return(), { done: true, value: undefined });
        await turns();
        assert.deepEqual(drain(b), [1]);
      }));

    test('return() during a wait ends after it, and delivers what it waited for', () =>
      withChannel(kind, async (a, b) => {
        const iterator = b.iterate();
        const next = iterator.next();
        const returned = observe(iterator.return());
        await turns();
        sendTag(a, 1);
        sendTag(a, 2);
        const { value } = await next;
        assert.equal(tagOf(value as number), 1);
        assert.deepEqual(await returned.promise, { done: true, value: undefined });
        assert.deepEqual(drain(b), [2]);
      }));

    test('nothing is received before it is asked for', () =>
      withChannel(kind, async (a, b) => {
        for (const tag of [1, 2, 3]) sendTag(a, tag);
        for await (const fd of b.iterate()) {
          assert.equal(tagOf(fd), 1);
          await turns();
          assert.deepEqual(drain(b), [2, 3], 'the body of the loop finds the rest in the kernel');
          break;
        }
      }));

    test('two iterations and a receive share what comes, first come, first served', () =>
      withChannel(kind, async (a, b) => {
        const [one, other] = [b.iterate(), b.iterate()];
        const waits = [one.next(), other.next()].map(async (next) => tagOf((await next).value as number));
        const third = recvTag(b);
        for (const tag of [1, 2, 3]) sendTag(a, tag);
        assert.deepEqual(await Promise.all([...waits, third]), [1, 2, 3]);
      }));
  });

  suite(`async iteration with a signal, ${kind.name}`, (test) => {
    /** Collects tags, and what the loop ended with. */
    async function collect(end: End, signal: AbortSignal, tags: number[] = []): Promise<[number[], unknown]> {
      try {
        for await (const fd of end.iterate({ signal })) tags.push(tagOf(fd));
        return [tags, 'the end'];
      } catch (reason) {
        return [tags, reason];
      }
    }

    test('an abort before the loop throws its reason, and has taken nothing', () =>
      withChannel(kind, async (a, b) => {
        const { signal, abort } = aborting();
        sendTag(a, 1);
        abort('mine');
        assert.deepEqual(await collect(b, signal), [[], 'mine']);
        assertNoListener(signal);
        assert.deepEqual(drain(b), [1]);
      }));

    test('an abort during a wait throws its reason, and another loop goes on', () =>
      withChannel(kind, async (a, b) => {
        const { signal, abort } = aborting();
        const tags: number[] = [];
        const loop = collect(b, signal, tags);
        sendTag(a, 1);
        while (tags.length === 0) await turns(1);
        await turns();
        abort('mine');
        assert.deepEqual(await loop, [[1], 'mine']);
        assertNoListener(signal);
        for (const tag of [2, 3]) sendTag(a, tag);
        a.shutdown();
        const other = aborting();
        assert.deepEqual(await collect(b, other.signal), [[2, 3], 'the end']);
        assertNoListener(other.signal);
      }));

    test('an abort in the body throws its reason when the next one is asked for, and has not taken that', () =>
      withChannel(kind, async (a, b) => {
        const { signal, abort } = aborting();
        for (const tag of [1, 2]) sendTag(a, tag);
        const iterator = b.iterate({ signal });
        assert.equal(tagOf((await iterator.next()).value as number), 1);
        abort('mine');
        await assert.rejects(iterator.next(), (reason) => reason === 'mine');
        assert.deepEqual(await iterator.next(), { done: true, value: undefined });
        assert.deepEqual(drain(b), [2]);
      }));

    for (const [what, leave] of leaves) {
      test(`left by ${what}, it leaves no listener`, () =>
        withChannel(kind, async (a, b) => {
          const { signal } = aborting();
          const loop = leave(b, { signal });
          await turns();
          for (const tag of [1, 2]) sendTag(a, tag);
          await loop;
          assertNoListener(signal);
          assert.deepEqual(drain(b), [2]);
        }));
    }
  });
}
