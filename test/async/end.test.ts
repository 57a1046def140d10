import assert from 'node:assert/strict';
import { Endpoint } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { ENDED, FRAMINGS, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { startProcess } from '../support/processes.ts';
import { fill, sendRaw } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { assertRejects, observe, recvTag, SEND_CLOSED, sendTag, turns } from './waits.ts';

/** How the channel of two endpoints ends, seen from the second one, which waits. */
const endings: [what: string, end: (a: Endpoint, b: Endpoint) => void][] = [
  ['its own shutdown', (_, b) => b.shutdown()],
  ["the peer's shutdown", (a) => a.shutdown()],
  ['the peer destroyed', (a) => a.destroy()],
];

for (const framing of FRAMINGS) {
  suite(`the end of the channel, ${framing}`, (test) => {
    for (const [what, end] of endings) {
      test(`${what} ends every receive that waits`, () =>
        withChannel(framing, async (a, b) => {
          const waits = Array.from({ length: 200 }, () => assertRejects(b.recvFDAsync(), ENDED));
          await turns();
          end(a, b);
          await Promise.all(waits);
          await assertRejects(b.recvFDAsync(), ENDED);
        }));

      test(`${what} ends every send that waits, and closes its duplicate`, () =>
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(b, fd);
            const waits = Array.from({ length: 20 }, () => assertRejects(b.sendFDAsync(fd), ENDED));
            await turns();
            end(a, b);
            await Promise.all(waits);
            await assertRejects(b.sendFDAsync(fd), ENDED);
          }),
        ));

      test(`${what}: what was sent before comes first`, () =>
        withChannel(framing, async (a, b) => {
          const tags = Array.from({ length: 150 }, (_, i) => i);
          const waits = tags.map(() => recvTag(b));
          const last = assertRejects(b.recvFDAsync(), ENDED);
          for (const tag of tags) sendTag(a, tag);
          end(a, b);
          assert.deepEqual(await Promise.all(waits), tags);
          await last;
        }));
    }

    test('a send that waits ends when the peer is gone, though its queue is full of what nobody received', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          fill(a, fd);
          const wait = observe(a.sendFDAsync(fd));
          await turns();
          assert.equal(wait.state, 'pending');
          b.destroy();
          await assertRejects(wait.promise, ENDED);
        }),
      ));

    test('a peer whose process is killed ends every wait, after what it has sent', async () => {
      const [a, theirs] = socketpair(libc(), framing);
      const b = new Endpoint(a);
      const peer = startProcess('sleep', ['600'], { fds: [theirs] });
      const sender = new Endpoint(theirs);
      sendTag(sender, 1);
      sendTag(sender, 2);
      sender.destroy();
      assert.equal(await recvTag(b), 1);
      assert.equal(await recvTag(b), 2);
      const waits = [b.recvFDAsync(), b.recvFDAsync()].map(observe);
      await turns();
      assert.deepEqual(
        waits.map(({ state }) => state),
        ['pending', 'pending'],
        'the process holds the socket open',
      );
      peer.child.kill('SIGKILL');
      await Promise.all(waits.map(({ promise }) => assertRejects(promise, ENDED)));
      await peer.exit;
      b.destroy();
    });

    test('a shutdown in the tick of the arrival delivers it', () =>
      withChannel(framing, async (a, b) => {
        const waits = [recvTag(b), assertRejects(b.recvFDAsync(), ENDED)];
        await turns();
        sendTag(a, 1);
        b.shutdown();
        assert.equal(await waits[0], 1);
        await waits[1];
      }));

    test('a destroy in the same turn as a shutdown rejects with EBADF', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          fill(b, fd);
          const sent = b.sendFDAsync(fd);
          a.shutdown();
          b.destroy();
          await assertRejects(sent, SEND_CLOSED);
        }),
      ));
  });
}

suite('a peer that closes with something unread', (test) => {
  // For the kernel it is a reset connection, which it reports once; here it is the end as any other.
  for (const [framing, dataBytes] of [
    ['stream', 1],
    ['seqpacket', 0],
    ['seqpacket', 4],
  ] as const) {
    for (const unread of [1, 2]) {
      const what = `${framing}, ${unread} of ${dataBytes} bytes`;
      test(`${what}: the end for every receive that waits`, () =>
        withChannel(framing, async (a, b) => {
          const waits = Array.from({ length: 3 }, () => observe(b.recvFDAsync()));
          await turns();
          for (let i = 0; i < unread; i++) sendRaw(b.fd, dataBytes);
          a.destroy();
          for (const { promise } of waits) await assertRejects(promise, ENDED);
        }));

      test(`${what}: the same when the receives begin afterwards`, () =>
        withChannel(framing, async (a, b) => {
          for (let i = 0; i < unread; i++) sendRaw(b.fd, dataBytes);
          a.destroy();
          for (let i = 0; i < 3; i++) await assertRejects(b.recvFDAsync(), ENDED);
        }));

      test(`${what}: what it had sent comes first`, () =>
        withChannel(framing, async (a, b) => {
          const waits = [recvTag(b), recvTag(b), assertRejects(b.recvFDAsync(), ENDED)];
          await turns();
          for (let i = 0; i < unread; i++) sendRaw(b.fd, dataBytes);
          sendTag(a, 1);
          sendTag(a, 2);
          a.destroy();
          assert.deepEqual([await waits[0], await waits[1]], [1, 2]);
          await waits[2];
        }));
    }
  }

  for (const framing of FRAMINGS) {
    test(`${framing}: receives and sends that wait all end`, () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          fill(b, fd);
          const waits = Array.from({ length: 3 }, () => [
            assertRejects(b.recvFDAsync(), ENDED, 'a receive'),
            assertRejects(b.sendFDAsync(fd), ENDED, 'a send'),
          ]);
          await turns();
          a.destroy();
          await Promise.all(waits.flat());
        }),
      ));
  }
});
