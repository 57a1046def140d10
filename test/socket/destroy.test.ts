import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { drain, recvTag, sendTag, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { isOpen, openDescriptors, sameFile } from '../support/descriptors.ts';
import { waysOut } from '../support/endings.ts';
import { ENDS } from '../support/ends.ts';
import { tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { load } from '../support/processor.ts';
import {
  assertRefused,
  assertRejects,
  closed,
  gone,
  RECEIVE_CLOSED,
  type Refusal,
} from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { observe, turns } from '../support/waits.ts';

const ROUNDS = 1_000;

for (const kind of ENDS) {
  suite(`giving up while something waits, ${kind.name}`, (test) => {
    for (const [way, giveUp, past] of waysOut) {
      test(`${way} rejects every wait with EBADF, in order, and closes its descriptors`, () =>
        withChannel(kind, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            kind.fill(a, fd);
            const before = openDescriptors().size;
            const ended: string[] = [];
            const note = async (name: string, wait: Promise<unknown>, refusal: Refusal): Promise<void> => {
              await assertRejects(wait, refusal, name);
              ended.push(name);
            };
            const [received, sent] = [gone('recvmsg', a, past), gone('sendmsg', a, past)];
            const all = Promise.all([
              note('r0', a.receiveAsync(), received),
              note('s0', a.sendAsync(fd), sent),
              note('r1', a.receiveAsync(), received),
              note('s1', a.sendAsync(fd), sent),
              note('r2', a.receiveAsync(), received),
            ]);
            await turns();
            giveUp(a);
            assert.equal(openDescriptors().size, before - 1, 'only the socket itself is less');
            await all;
            for (const direction of ['r', 's']) {
              const those = ended.filter((name) => name.startsWith(direction));
              assert.deepEqual(those, [...those].sort());
            }
            assert.equal(a.fd, -1);
          }),
        ));
    }
  });

  suite(`a socket given away while something waits, ${kind.name}`, (test) => {
    test('the socket is given away open, with what came, and another end goes on', () =>
      withChannel(kind, async (a, b) => {
        const waits = assertRejects(b.receiveAsync(), RECEIVE_CLOSED);
        await turns();
        sendTag(a, 1);
        const taken = kind.of(b.detach());
        await waits;
        const received = [recvTag(taken), recvTag(taken)];
        sendTag(a, 2);
        assert.deepEqual(await Promise.all(received), [1, 2]);
        taken.destroy();
      }));

    test('waits of its successor on the same number get what comes from then on', () =>
      withChannel(kind, async (a, first) => {
        let b = first;
        for (let tag = 1; tag <= 200; tag++) {
          const late = observe(b.receiveAsync());
          if (tag % 2 === 0) await turns(1);
          if (tag % 3 === 0) sendTag(a, tag);
          b = kind.of(b.detach());
          const received = recvTag(b);
          if (tag % 3 !== 0) sendTag(a, tag);
          assert.equal(await received, tag);
          assert.equal(late.state, 'rejected');
        }
        b.destroy();
      }));

    test('nothing looks at the socket any more: what arrives and nobody takes costs no processor time', () =>
      withChannel(kind, async (a, b) => {
        const wait = assertRejects(b.receiveAsync(), RECEIVE_CLOSED);
        await turns();
        const taken = kind.of(b.detach());
        await wait;
        sendTag(a, 1);
        const share = await load();
        assert.ok(share < 0.3, `${share} of a processor`);
        assert.deepEqual(drain(taken), [1]);
        taken.destroy();
      }));
  });

  suite(`a number that is reused after destroy, ${kind.name}`, (test) => {
    for (const sends of ['before', 'after'] as const) {
      test(`by a file: nothing touches it, when the peer sends right ${sends} the destroy`, async () => {
        const [passed, self] = [temporaryFile(), openSync(import.meta.filename, 'r')];
        const before = openDescriptors();
        for (let round = 0; round < ROUNDS; round++) {
          const [a, b] = kind.pair();
          const number = b.fd;
          const waits = [b.receiveAsync(), b.receiveAsync()].map(observe);
          if (round % 2 === 0) await turns(1);
          if (sends === 'before') a.send(passed);
          b.destroy();
          const file = openSync(import.meta.filename, 'r');
          if (sends === 'after') assertRefused(() => a.send(passed), kind.ended.send);
          await turns(2);
          assert.deepEqual(
            waits.map(({ state }) => state),
            ['rejected', 'rejected'],
          );
          assert.equal(file, number, 'the number is reused');
          assert.ok(sameFile(file, self));
          const bytes = Buffer.alloc(6);
          readSync(file, bytes);
          assert.equal(String(bytes), 'import', 'its offset is where it was');
          closeSync(file);
          a.destroy();
        }
        assert.deepEqual(openDescriptors(), before);
        closeSync(passed);
        closeSync(self);
      });

      test(`by another end: its waits get their own, when the peer sends right ${sends} the destroy`, async () => {
        const [passed, before] = [temporaryFile(), openDescriptors()];
        for (let round = 0; round < ROUNDS; round++) {
          const [a, b] = kind.pair();
          const number = b.fd;
          const wait = observe(b.receiveAsync());
          if (round % 2 === 0) await turns(1);
          if (sends === 'before') a.send(passed);
          b.destroy();
          const [c, d] = kind.pair();
          assert.ok([c.fd, d.fd].includes(number), 'the number is reused');
          const reused = c.fd === number ? c : d;
          const received = observe(reused.receiveAsync());
          if (sends === 'after') assertRefused(() => a.send(passed), kind.ended.send);
          await turns(2);
          assert.deepEqual([wait.state, received.state], ['rejected', 'pending']);
          (reused === c ? d : c).send(passed);
          assert.equal(tagOf(await received.promise), 0);
          for (const end of [a, c, d]) end.destroy();
        }
        assert.deepEqual(openDescriptors(), before);
        closeSync(passed);
      });
    }

    test('destroyed by what another wait of the same wake does, the rest are rejected', () =>
      withChannel(kind, async (a, b) => {
        const [c, d] = kind.pair();
        const first = b.receiveAsync().then((fd) => {
          closeFD(fd);
          d.destroy();
        });
        const second = observe(d.receiveAsync());
        await turns();
        sendTag(a, 1);
        sendTag(c, 2);
        await first;
        // Both were ready in one look at the descriptors: its wait was served, or rejected and its packet gone
        // with the socket.
        await turns();
        assert.notEqual(second.state, 'pending');
        if (second.state === 'fulfilled') closeFD(await second.promise);
        c.destroy();
      }));

    test('an end that waits is still destroyed when its number was closed by somebody else', async () => {
      const [a, b] = kind.pair();
      const wait = assertRejects(b.receiveAsync(), RECEIVE_CLOSED);
      await turns();
      closeFD(b.fd);
      assertRefused(() => b.destroy(), closed('close'));
      await wait;
      assert.ok(isOpen(a.fd));
      assertRefused(() => a.receive(WITHIN_SECONDS), kind.ended.receive);
      a.destroy();
    });
  });

  suite(`waits that end leave nothing behind, ${kind.name}`, (test) => {
    test('an end waits with one descriptor of its own, which goes with it', () =>
      withChannel(kind, async (a, b) => {
        const before = openDescriptors().size;
        for (let tag = 0; tag < 50; tag++) {
          const received = recvTag(b);
          sendTag(a, tag);
          assert.equal(await received, tag);
        }
        assert.ok(openDescriptors().size <= before + 1);
        b.destroy();
        assert.equal(openDescriptors().size, before - 1);
      }));
  });
}
