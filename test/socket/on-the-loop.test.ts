import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { withChannel } from '../support/channel.ts';
import { isOpen, openDescriptors, sameFile } from '../support/descriptors.ts';
import { LOOP_ENDS, type LoopEnd, type LoopKind } from '../support/ends.ts';
import { tagged, tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { sendRaw, shutdownSending, socketpair } from '../support/raw.ts';
import { assertRejects, RECEIVE_CLOSED, SEND_CLOSED } from '../support/refusals.ts';
import { settled } from '../support/streams.ts';
import { suite } from '../support/suite.ts';
import { observe, turns } from '../support/waits.ts';

/** More than any socket has room for. */
const MANY = 500;

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

const receiveTag = async (end: LoopEnd): Promise<number> => tagOf(await end.receiveAsync());

/** Sends a file that is closed at once. */
function sendTag(end: LoopEnd, tag: number): Promise<void> {
  const fd = tagged(tag);
  const sent = end.sendAsync(fd);
  closeSync(fd);
  return sent;
}

async function assertEnded({ ended }: LoopKind, end: LoopEnd): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await assertRejects(end.receiveAsync(), ended.receive);
    assert.deepEqual(await end.iterate().next(), { done: true, value: undefined });
    await assertRejects(end.sendAsync(0), ended.send);
  }
}

/** A state of an end, and what each call comes to in it. */
interface State {
  enter(own: LoopEnd, peer: LoopEnd): unknown;
  readonly send: 'passes' | 'ended' | 'closed';
  readonly receive: 'passes' | 'waits' | 'ended' | 'closed';
}

const states: Readonly<Record<string, State>> = {
  open: { enter() {}, send: 'passes', receive: 'waits' },
  'something has come': { enter: (_, peer) => peer.sendAsync(0), send: 'passes', receive: 'passes' },
  'ref and unref': { enter: (own) => own.ref().unref(), send: 'passes', receive: 'waits' },
  'peer gone': { enter: (_, peer) => peer.destroy(), send: 'ended', receive: 'ended' },
  'peer gone, something has come': {
    async enter(_, peer) {
      await peer.sendAsync(0);
      peer.destroy();
    },
    send: 'ended',
    receive: 'passes',
  },
  destroyed: { enter: (own) => own.destroy(), send: 'closed', receive: 'closed' },
  'destroyed twice': {
    enter(own) {
      own[Symbol.dispose]();
      own.destroy();
    },
    send: 'closed',
    receive: 'closed',
  },
};

const takings: Readonly<Record<string, (end: LoopEnd) => Promise<number>>> = {
  receiveAsync: (end) => end.receiveAsync(),
  iterate: async (end) => (await end.iterate().next()).value as number,
};

for (const kind of LOOP_ENDS) {
  const { ended } = kind;

  suite(`order on the event loop, ${kind.name}`, (test) => {
    test('receives that wait get what is sent in the order in which they began', () =>
      withChannel(kind, async (a, b) => {
        const order: number[] = [];
        const all = range(MANY).map(async (place) => {
          assert.equal(await receiveTag(b), place);
          order.push(place);
        });
        for (const tag of range(MANY)) await sendTag(a, tag);
        await Promise.all(all);
        assert.deepEqual(order, range(MANY));
      }));

    test('sends that wait go in the order in which they began, as what they were', () =>
      withChannel(kind, async (a, b) => {
        const done: number[] = [];
        const all = range(MANY).map(async (tag) => {
          await sendTag(a, tag);
          done.push(tag);
        });
        for (const tag of range(MANY)) assert.equal(await receiveTag(b), tag);
        await Promise.all(all);
        assert.deepEqual(done, range(MANY));
      }));

    test('each direction goes on for itself', () =>
      withChannel(kind, async (a, b) => {
        const pass = async (from: LoopEnd, to: LoopEnd): Promise<void> => {
          const sends = range(300).map((tag) => sendTag(from, tag));
          for (const tag of range(300)) assert.equal(await receiveTag(to), tag);
          await Promise.all(sends);
        };
        await Promise.all([pass(a, b), pass(b, a)]);
      }));

    test('one after the other, they leave nothing behind', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (file) => {
          const round = async (): Promise<void> => {
            const [received] = await Promise.all([b.receiveAsync(), a.sendAsync(file)]);
            assert.ok(sameFile(received, file));
            closeFD(received);
          };
          await round();
          const before = openDescriptors();
          for (let i = 0; i < MANY; i++) await round();
          assert.deepEqual(openDescriptors(), before);
        }),
      ));
  });

  suite(`the end on the event loop, ${kind.name}`, (test) => {
    test('of a peer that only ends its sending: what it sent, then the end, while it still receives', () =>
      withChannel(kind, async (own, peer) => {
        for (const tag of [1, 2]) await sendTag(peer, tag);
        shutdownSending(peer.fd);
        assert.deepEqual([await receiveTag(own), await receiveTag(own)], [1, 2]);
        for (let i = 0; i < 2; i++) await assertRejects(own.receiveAsync(), ended.receive);
        await sendTag(own, 3);
        assert.equal(await receiveTag(peer), 3);
      }));

    for (const count of [0, 1, 3]) {
      test(`of a peer that closes with ${count} unread: what it sent, then the end, for all that wait`, async () => {
        const [socket, other] = socketpair(kind.type);
        using own = kind.of(socket);
        const waits = range(5).map(() => observe(own.receiveAsync().then(tagOf)));
        for (let i = 0; i < count; i++) await own.sendAsync(0);
        // Nobody reads on this side.
        for (const tag of [1, 2]) {
          const file = tagged(tag);
          sendRaw(other, 1, [file]);
          closeSync(file);
        }
        closeFD(other);
        const [first, second, ...others] = waits.map(({ promise }) => promise);
        assert.deepEqual(await Promise.all([first, second]), [1, 2]);
        for (const wait of others) await assertRejects(wait, ended.receive);
        await assertEnded(kind, own);
      });
    }

    test('of a peer that closes while sends wait', async () => {
      const [socket, other] = socketpair(kind.type);
      using own = kind.of(socket);
      const sends = range(MANY).map(() => observe(own.sendAsync(0)));
      await settled(() => sends[0]?.state === 'fulfilled');
      await turns();
      assert.equal(sends.at(-1)?.state, 'pending');
      closeFD(other);
      for (const { promise, state } of sends) {
        if (state === 'pending') await assertRejects(promise, ended.send);
      }
      await assertEnded(kind, own);
    });
  });

  suite(`destroy on the event loop, ${kind.name}`, (test) => {
    test('rejects every wait with EBADF, in order, and closes what was not sent', async () => {
      const [socket, other] = socketpair(kind.type);
      const own = kind.of(socket);
      const ends: string[] = [];
      const note = (name: string, wait: Promise<unknown>): Promise<unknown> =>
        wait.catch(({ code }) => ends.push(`${name} ${code}`));
      const sends = range(MANY).map((i) => note('s', own.sendAsync(0)).then(() => i));
      const receives = [1, 2, 3].map((i) => note(`r${i}`, own.receiveAsync()));
      await turns();
      own.destroy();
      assert.deepEqual([own.fd, isOpen(socket)], [-1, false]);
      await Promise.all([...sends, ...receives]);
      assert.deepEqual(
        ends.filter((end) => end.startsWith('r')),
        ['r1 EBADF', 'r2 EBADF', 'r3 EBADF'],
      );
      const failed = ends.filter((end) => end === 's EBADF').length;
      assert.ok(failed > 0 && failed === ends.length - 3, `${failed} sends have failed`);
      closeFD(other);
    });

    test('closes what came that nobody has received', () =>
      withChannel(kind, async (a, b) => {
        for (let i = 0; i < 3; i++) await a.sendAsync(0);
        await turns();
        b.destroy();
        await assertEnded(kind, a);
      }));

    test('in the handler of a receive', () =>
      withChannel(kind, async (a, b) => {
        const first = b.receiveAsync().then((fd) => {
          closeFD(fd);
          b.destroy();
        });
        const second = observe(b.receiveAsync());
        for (let i = 0; i < 2; i++) await a.sendAsync(0);
        await first;
        await turns();
        assert.notEqual(second.state, 'pending');
        if (second.state === 'fulfilled') closeFD(await second.promise);
      }));

    test('nothing touches a file that gets its number', async () => {
      const self = openSync(import.meta.filename, 'r');
      for (let round = 0; round < 300; round++) {
        const [a, b] = kind.pair();
        const number = b.fd;
        const wait = observe(b.receiveAsync());
        if (round % 2 === 0) await turns(1);
        const sent = round % 3 === 0 ? a.sendAsync(0).catch(() => {}) : undefined;
        b.destroy();
        const file = openSync(import.meta.filename, 'r');
        assert.equal(file, number, 'the number is reused');
        await turns(2);
        assert.equal(wait.state, 'rejected');
        assert.ok(sameFile(file, self));
        const bytes = Buffer.alloc(6);
        readSync(file, bytes);
        assert.equal(String(bytes), 'import', 'its offset is where it was');
        closeSync(file);
        await sent;
        a.destroy();
      }
      closeSync(self);
    });
  });

  suite(`states on the event loop, ${kind.name}`, (test) => {
    for (const [name, { enter, send, receive }] of Object.entries(states)) {
      for (const [form, take] of Object.entries(takings)) {
        test(`${name}: a send ${send}, ${form} ${receive}`, () =>
          withChannel(kind, async (own, peer) => {
            await enter(own, peer);
            await turns();
            if (receive === 'closed') await assertRejects(take(own), RECEIVE_CLOSED);
            if (receive === 'passes') closeFD(await take(own));
            if (receive === 'waits') {
              const wait = observe(take(own));
              await turns();
              assert.equal(wait.state, 'pending');
              await peer.sendAsync(0);
              closeFD(await wait.promise);
            }
            if (send === 'closed') await assertRejects(own.sendAsync(0), SEND_CLOSED);
            if (send === 'ended') await assertEnded(kind, own);
            if (send !== 'passes') return;
            await own.sendAsync(0);
            closeFD(await peer.receiveAsync());
          }));
      }
    }
  });
}
