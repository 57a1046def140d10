import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { assertWorks, drain, recvTag, sendTag, withChannel } from '../support/channel.ts';
import { waysOut } from '../support/endings.ts';
import { ENDS, type End } from '../support/ends.ts';
import { tagOf } from '../support/files.ts';
import { assertRejects, RECEIVE_CLOSED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { observe, turns } from '../support/waits.ts';

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

    const leaves: [what: string, leave: (end: End) => Promise<unknown>][] = [
      [
        'break',
        async (end) => {
          for await (const fd of end.iterate()) {
            closeFD(fd);
            break;
          }
        },
      ],
      [
        'throw',
        async (end) => {
          const mine = new RangeError('mine');
          const loop = async (): Promise<void> => {
            for await (const fd of end.iterate()) {
              closeFD(fd);
              throw mine;
            }
          };
          await assert.rejects(loop, (error) => error === mine);
        },
      ],
      [
        'return()',
        async (end) => {
          const iterator = end.iterate();
          const { value } = await iterator.next();
          closeFD(value as number);
          assert.deepEqual(await iterator.return(), { done: true, value: undefined });
          assert.deepEqual(await iterator.next(), { done: true, value: undefined });
        },
      ],
    ];
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
}
