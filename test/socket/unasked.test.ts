import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { recvTag, sendTag, withChannel } from '../support/channel.ts';
import { ENDPOINTS, ENDS, type End } from '../support/ends.ts';
import { counting } from '../support/loop.ts';
import { sendRaw } from '../support/raw.ts';
import { assertRejects, NO_DESCRIPTOR } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { aborting, atOnce, BY_THREAD, turnsOf } from '../support/waits.ts';

/** At most so many receives in a row wait without having asked (src/socket/waits.ts). */
const UNASKED = 7;

/** Answers after which so many do. */
const LONG = 37;

/** Those of a conversation's receives that ask before they wait. */
const ASKING = [1, 2, 4, 7, 11, 16, 22, 29, LONG, LONG + 8, LONG + 16];

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** A receive that has to wait. */
async function answer(own: End, peer: End): Promise<void> {
  const received = recvTag(own);
  sendTag(peer, 1);
  assert.equal(await received, 1);
}

async function converse(own: End, peer: End, answers = LONG): Promise<void> {
  for (let i = 0; i < answers; i++) await answer(own, peer);
}

for (const kind of ENDS) {
  suite(`a receive that expects to wait, ${kind.name}`, (test) => {
    test('asks the less often, the longer each was waited for; always, where a thread has to look first', () =>
      withChannel(kind, async (own, peer) => {
        const asking: number[] = [];
        const answers = LONG + 16;
        await counting(['recvmsg'], async (taken) => {
          for (let i = 1; i <= answers; i++) {
            await answer(own, peer);
            if (taken().length > 1) asking.push(i);
          }
        });
        assert.deepEqual(asking, BY_THREAD ? range(answers).map((i) => i + 1) : ASKING);
      }));

    test('gets what is there all the same, a turn of the loop later, and the next ones at once', () =>
      withChannel(kind, async (own, peer) => {
        await converse(own, peer);
        for (let tag = 0; tag < 20; tag++) sendTag(peer, tag);
        const late: number[] = [];
        for (let tag = 0; tag < 20; tag++) {
          const turns = await turnsOf(async () => assert.equal(await recvTag(own), tag));
          if (turns > 1) late.push(turns);
        }
        assert.ok(late.length <= UNASKED, `${late.length} of 20 were not received at once`);
        assert.ok(Math.max(1, ...late) <= 2, `one took ${Math.max(...late)} turns of the loop`);
      }));

    test('asks when several are sent at a time', () =>
      withChannel(kind, async (own, peer) => {
        for (let burst = 0; burst < 10; burst++) {
          const first = recvTag(own);
          for (let tag = 0; tag < 4; tag++) sendTag(peer, tag);
          assert.equal(await first, 0);
          for (const tag of [1, 2, 3]) assert.equal(await atOnce(recvTag(own)), tag);
        }
      }));

    test('asks when it may be aborted, and takes what is there', () =>
      withChannel(kind, async (own, peer) => {
        await converse(own, peer);
        sendTag(peer, 2);
        const { signal } = aborting();
        assert.equal(await atOnce(recvTag(own, signal)), 2);
      }));

    test('asks when it does not keep the event loop alive', () =>
      withChannel(kind, async (own, peer) => {
        await converse(own, peer);
        own.unref();
        sendTag(peer, 2);
        assert.equal(await atOnce(recvTag(own)), 2);
      }));

    test('asks when nothing watches its socket any more', () =>
      withChannel(kind, async (own, peer) => {
        await converse(own, peer);
        const taken = kind.of(own.detach());
        sendTag(peer, 2);
        assert.equal(await atOnce(recvTag(taken)), 2);
        taken.destroy();
      }));
  });
}

for (const kind of ENDPOINTS) {
  suite(`a receive that expects to wait, after a batch, ${kind.name}`, (test) => {
    test('is told at once what was wrong with a packet of the batch', () =>
      withChannel(kind, async (own, peer) => {
        await converse(own, peer);
        sendTag(peer, 2);
        sendRaw(peer.fd, kind.type === 'stream' ? 1 : 0);
        for (const fd of own.tryRecvFDs()) closeFD(fd);
        await atOnce(assertRejects(own.receiveAsync(), NO_DESCRIPTOR));
      }));
  });
}
