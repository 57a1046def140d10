import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { closeFD, Endpoint } from '../../src/index.ts';
import {
  assertRefused,
  channel,
  FRAMINGS,
  type Refusal,
  SOON,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { isOpen, openDescriptors, sameFile } from '../support/descriptors.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import {
  assertRejects,
  observe,
  RECEIVE_CLOSED,
  recvTag,
  SEND_CLOSED,
  sendTag,
  tagOf,
  turns,
} from './waits.ts';

const ROUNDS = 1_000;

/** The ways in which an endpoint gives its socket up. The second one leaves it to the caller. */
const ways: [what: string, giveUp: (endpoint: Endpoint) => void][] = [
  ['destroy', (endpoint) => endpoint.destroy()],
  ['detach', (endpoint) => closeFD(endpoint.detach())],
  ['dispose', (endpoint) => endpoint[Symbol.dispose]()],
];

/** Whether a helper thread polls the sockets: on Linux, poll(2) holds what it was given until it returns. */
const HELD = process.env['FDCHANNEL_LOOP'] === 'poll+thread';

function takes(endpoint: Endpoint, fd: number): boolean {
  try {
    return endpoint.trySendFD(fd);
  } catch {
    return false;
  }
}

/** Makes sure that nobody is left to receive from this endpoint. */
async function assertEnded(endpoint: Endpoint, fd: number): Promise<void> {
  while (HELD && takes(endpoint, fd)) await turns(1);
  assert.throws(() => endpoint.sendFD(fd), { code: 'ERR_FDCHANNEL_ENDED' });
}

for (const framing of FRAMINGS) {
  for (const [way, giveUp] of ways) {
    suite(`${way} while something waits, ${framing}`, (test) => {
      test('every wait is rejected with EBADF, in order, and its descriptors are closed', () =>
        withChannel(framing, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(a, fd);
            const before = openDescriptors().size;
            const ended: string[] = [];
            const note = async (name: string, wait: Promise<unknown>, refusal: Refusal): Promise<void> => {
              await assertRejects(wait, refusal, name);
              ended.push(name);
            };
            const all = Promise.all([
              note('r0', a.recvFDAsync(), RECEIVE_CLOSED),
              note('s0', a.sendFDAsync(fd), SEND_CLOSED),
              note('r1', a.recvFDAsync(), RECEIVE_CLOSED),
              note('s1', a.sendFDAsync(fd), SEND_CLOSED),
              note('r2', a.recvFDAsync(), RECEIVE_CLOSED),
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

      test('a wait that begins afterwards is refused', () =>
        withChannel(framing, async (a) => {
          giveUp(a);
          await assertRejects(a.recvFDAsync(), RECEIVE_CLOSED);
          await assertRejects(a.sendFDAsync(0), SEND_CLOSED);
          await assertRejects(a[Symbol.asyncIterator]().next(), RECEIVE_CLOSED);
          for (const name of ['ref', 'unref'] as const)
            assertRefused(() => a[name](), [Error, 'EBADF', { name: 'SyscallError', syscall: name }]);
        }));
    });
  }

  suite(`a socket given away while something waits, ${framing}`, (test) => {
    test('the socket is given away open, with what came, and another endpoint goes on', () =>
      withChannel(framing, async (a, b) => {
        const waits = assertRejects(b.recvFDAsync(), RECEIVE_CLOSED);
        await turns();
        sendTag(a, 1);
        const taken = new Endpoint(b.detach());
        await waits;
        const received = [recvTag(taken), recvTag(taken)];
        sendTag(a, 2);
        assert.deepEqual(await Promise.all(received), [1, 2]);
        taken.destroy();
      }));

    test('waits of its successor on the same number get what comes from then on', () =>
      withChannel(framing, async (a, first) => {
        let b = first;
        for (let tag = 1; tag <= 200; tag++) {
          const late = observe(b.recvFDAsync());
          if (tag % 2 === 0) await turns(1);
          if (tag % 3 === 0) sendTag(a, tag);
          b = new Endpoint(b.detach());
          const received = recvTag(b);
          if (tag % 3 !== 0) sendTag(a, tag);
          assert.equal(await received, tag);
          assert.equal(late.state, 'rejected');
        }
        b.destroy();
      }));
  });

  suite(`a number that is reused after destroy, ${framing}`, (test) => {
    for (const sends of ['before', 'after'] as const) {
      test(`by a file: nothing touches it, when the peer sends right ${sends} the destroy`, async () => {
        const [passed, self] = [temporaryFile(), openSync(import.meta.filename, 'r')];
        const before = openDescriptors();
        for (let round = 0; round < ROUNDS; round++) {
          const [a, b] = channel(framing);
          const number = b.fd;
          const waits = [b.recvFDAsync(), b.recvFDAsync()].map(observe);
          if (round % 2 === 0) await turns(1);
          if (sends === 'before') a.sendFD(passed);
          b.destroy();
          const file = openSync(import.meta.filename, 'r');
          if (sends === 'after') await assertEnded(a, passed);
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

      test(`by an endpoint: its waits get their own, when the peer sends right ${sends} the destroy`, async () => {
        const [passed, before] = [temporaryFile(), openDescriptors()];
        for (let round = 0; round < ROUNDS; round++) {
          const [a, b] = channel(framing);
          const number = b.fd;
          const wait = observe(b.recvFDAsync());
          if (round % 2 === 0) await turns(1);
          if (sends === 'before') a.sendFD(passed);
          b.destroy();
          const [c, d] = channel(framing);
          assert.ok([c.fd, d.fd].includes(number), 'the number is reused');
          const reused = c.fd === number ? c : d;
          const received = observe(reused.recvFDAsync());
          if (sends === 'after') await assertEnded(a, passed);
          await turns(2);
          assert.deepEqual([wait.state, received.state], ['rejected', 'pending']);
          (reused === c ? d : c).sendFD(passed);
          assert.equal(tagOf(await received.promise), 0);
          for (const endpoint of [a, c, d]) endpoint.destroy();
        }
        assert.deepEqual(openDescriptors(), before);
        closeSync(passed);
      });
    }

    test('destroyed by what another wait of the same wake does, the rest are rejected', () =>
      withChannel(framing, async (a, b) => {
        const [c, d] = channel(framing);
        const first = b.recvFDAsync().then((fd) => {
          closeFD(fd);
          d.destroy();
        });
        const second = observe(d.recvFDAsync());
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

    test('an endpoint that waits is still destroyed when its number was closed by somebody else', async () => {
      const [a, b] = channel(framing);
      const wait = assertRejects(b.recvFDAsync(), RECEIVE_CLOSED);
      await turns();
      closeFD(b.fd);
      assertRefused(() => b.destroy(), [Error, 'EBADF', { name: 'SyscallError', syscall: 'close' }]);
      await wait;
      assert.ok(isOpen(a.fd));
      assert.throws(() => a.recvFD(SOON), { code: 'ERR_FDCHANNEL_ENDED' });
      a.destroy();
    });
  });

  suite(`waits that end leave nothing behind, ${framing}`, (test) => {
    test('an endpoint polls with one descriptor of its own, which goes with it', () =>
      withChannel(framing, async (a, b) => {
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
