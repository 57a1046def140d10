import assert from 'node:assert/strict';
import { recvTag, sendTag, withChannel } from '../support/channel.ts';
import { ENDS, type End } from '../support/ends.ts';
import { counting } from '../support/loop.ts';
import { suite } from '../support/suite.ts';
import { observe, turns, turnsOf } from '../support/waits.ts';

/** So many receives in a row may wait without having asked (src/socket/waits.ts). */
const UNASKED = 7;

/** A receive that has to wait. */
async function answer(own: End, peer: End, tag: number): Promise<void> {
  const received = recvTag(own);
  sendTag(peer, tag);
  assert.equal(await received, tag);
}

for (const kind of ENDS) {
  suite(`a receive that expects to wait, ${kind.name}`, (test) => {
    test('asks one time in eight', () =>
      withChannel(kind, async (own, peer) => {
        for (let tag = 0; tag < 3; tag++) await answer(own, peer, tag);
        await counting(['recvmsg'], async (taken) => {
          for (let tag = 0; tag < 8 * 10; tag++) await answer(own, peer, tag);
          assert.equal(taken().length, 8 * 10 + 10);
        });
      }));

    test('what is there is received all the same, a turn of the loop later, and then at once', () =>
      withChannel(kind, async (own, peer) => {
        for (let tag = 0; tag < 10; tag++) await answer(own, peer, tag);
        for (let tag = 0; tag < 20; tag++) sendTag(peer, tag);
        let late = 0;
        for (let tag = 0; tag < 20; tag++) {
          const taken = await turnsOf(async () => assert.equal(await recvTag(own), tag));
          if (taken > 1) late++;
        }
        assert.ok(late <= UNASKED, `${late} of 20 were not received at once`);
      }));

    test('who sends several at a time is never kept waiting', () =>
      withChannel(kind, async (own, peer) => {
        for (let burst = 0; burst < 10; burst++) {
          const first = recvTag(own);
          for (let tag = 0; tag < 4; tag++) sendTag(peer, tag);
          assert.equal(await first, 0);
          await counting(['recvmsg'], async (taken) => {
            const others = [1, 2, 3].map(async (tag) => assert.equal(await recvTag(own), tag));
            assert.equal(taken().length, 3, 'each has asked, before the loop could turn');
            await Promise.all(others);
          });
        }
      }));

    test('an abort of one that has not asked takes nothing', () =>
      withChannel(kind, async (own, peer) => {
        for (let tag = 0; tag < 3; tag++) await answer(own, peer, tag);
        sendTag(peer, 7);
        const controller = new AbortController();
        const aborted = observe(own.receiveAsync({ signal: controller.signal }));
        controller.abort();
        await turns();
        assert.equal(aborted.state, 'rejected');
        assert.equal(await recvTag(own), 7);
      }));
  });
}
