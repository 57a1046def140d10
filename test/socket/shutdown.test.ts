import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { assertReceives, recvTag, sendTag, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { assertEnded, endings } from '../support/endings.ts';
import { ENDS } from '../support/ends.ts';
import { tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { givings, takings } from '../support/forms.ts';
import { assertRejects } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { turns } from '../support/waits.ts';

for (const kind of ENDS) {
  for (const { name, end, peerStays } of endings) {
    suite(`the end by ${name}, ${kind.name}`, (test) => {
      for (const { form, take } of takings(kind)) {
        test(`before ${form}: what was queued comes first, then the end`, () =>
          withChannel(kind, async (own, peer) => {
            for (const tag of [1, 2]) sendTag(peer, tag);
            await end(own, peer);
            for (const tag of [1, 2]) assert.equal(tagOf(await take(own)), tag);
            await assertEnded(kind, own, peer);
          }));

        test(`after ${form}: the end`, () =>
          withChannel(kind, async (own, peer) => {
            sendTag(peer, 1);
            assert.equal(tagOf(await take(own)), 1);
            assert.equal(own.tryReceive(), undefined);
            await end(own, peer);
            await assertEnded(kind, own, peer);
          }));
      }

      for (const { form, give, assertOver } of givings(kind)) {
        test(`before ${form}: the end`, () =>
          withChannel(kind, async (own, peer) => {
            await end(own, peer);
            for (let i = 0; i < 3; i++) await assertOver(own);
            await assertEnded(kind, own, peer);
          }));

        test(`after ${form}: ${peerStays ? 'the peer receives what was sent, then ' : ''}the end`, () =>
          withChannel(kind, (own, peer) =>
            withDescriptors([temporaryFile(), temporaryFile()], async (...sent) => {
              for (const fd of sent) await give(own, fd);
              await end(own, peer);
              await assertOver(own);
              if (peerStays) for (const fd of sent) assertReceives(peer, fd);
              await assertEnded(kind, own, peer);
            }),
          ));
      }

      test('during receiveAsync: every wait ends', () =>
        withChannel(kind, async (own, peer) => {
          const waits = Array.from({ length: 200 }, () =>
            assertRejects(own.receiveAsync(), kind.ended.receive),
          );
          if (peerStays) waits.push(assertRejects(peer.receiveAsync(), kind.ended.receive));
          await turns();
          await end(own, peer);
          await Promise.all(waits);
          await assertEnded(kind, own, peer);
        }));

      for (const [when, count] of [
        ['in the turn in which the waits begin', 0],
        ['later', 3],
      ] as const) {
        test(`during receiveAsync: what was sent right before comes first, ${when}`, () =>
          withChannel(kind, async (own, peer) => {
            const tags = Array.from({ length: 150 }, (_, i) => i);
            const waits = Promise.all(tags.map(() => recvTag(own)));
            const last = assertRejects(own.receiveAsync(), kind.ended.receive);
            await turns(count);
            for (const tag of tags) sendTag(peer, tag);
            await end(own, peer);
            assert.deepEqual(await waits, tags);
            await last;
            await assertEnded(kind, own, peer);
          }));
      }

      test('during iterate: the loop gets everything that was sent, then is over', () =>
        withChannel(kind, async (own, peer) => {
          const collect = async (): Promise<number[]> => {
            const tags: number[] = [];
            for await (const fd of own.iterate()) tags.push(tagOf(fd));
            return tags;
          };
          const all = collect();
          for (const tag of [1, 2, 3]) sendTag(peer, tag);
          await turns();
          for (const tag of [4, 5]) sendTag(peer, tag);
          await end(own, peer);
          assert.deepEqual(await all, [1, 2, 3, 4, 5]);
          assert.deepEqual(await collect(), []);
          assert.notEqual(own.fd, -1, 'the end of a pair stays open');
        }));

      test('during sendAsync: every wait ends, and closes its duplicate', () =>
        withChannel(kind, (own, peer) =>
          withDescriptors([temporaryFile()], async (fd) => {
            const full = kind.fill(own, fd);
            const before = openDescriptors().size;
            const waits = Array.from({ length: 20 }, () => assertRejects(own.sendAsync(fd), kind.ended.send));
            assert.ok(openDescriptors().size >= before + 20);
            await turns();
            await end(own, peer);
            await Promise.all(waits);
            if (peerStays) for (let i = 0; i < full; i++) closeFD(peer.receive(WITHIN_SECONDS));
            await assertEnded(kind, own, peer);
          }),
        ));
    });
  }
}

for (const kind of ENDS) {
  suite(`shutdown, ${kind.name}`, (test) => {
    test('a second time does nothing, on either end', () =>
      withChannel(kind, (a, b) => {
        for (const end of [a, a, b, b, a]) assert.equal(end.shutdown(), undefined);
        return assertEnded(kind, a, b);
      }));

    test('after the peer is gone does nothing', () =>
      withChannel(kind, (a, b) => {
        b.destroy();
        for (let i = 0; i < 2; i++) assert.equal(a.shutdown(), undefined);
        return assertEnded(kind, a);
      }));
  });
}
