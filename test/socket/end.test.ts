import assert from 'node:assert/strict';
import type { SocketType } from '../../src/index.ts';
import { callInProcess } from '../support/calls.ts';
import { assertReceives, recvTag, sendTag, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { assertEnded } from '../support/endings.ts';
import { ENDS, type End } from '../support/ends.ts';
import { tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { givings, takings } from '../support/forms.ts';
import { sendRaw, shutdownSending } from '../support/raw.ts';
import { assertRejects, SEND_CLOSED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { turns } from '../support/waits.ts';

/** What an end may send that its peer never receives: the kernel treats data and empty packets in different ways. */
const leftovers: [what: string, types: readonly SocketType[], send: (own: End) => void][] = [
  ['descriptors', ['seqpacket', 'stream', 'dgram'], (own) => own.send(0)],
  ['bytes', ['seqpacket', 'stream', 'dgram'], (own) => sendRaw(own.fd, 4)],
  ['empty packets', ['seqpacket', 'dgram'], (own) => sendRaw(own.fd, 0)],
];

for (const kind of ENDS) {
  const { ended, type } = kind;

  suite(`a peer that only ends its sending, ${kind.name}`, (test) => {
    for (const { form, take, assertOver } of takings(kind)) {
      test(`${form}: what it sent, then the end, while it still receives`, () =>
        withChannel(kind, async (own, peer) => {
          sendTag(peer, 1);
          shutdownSending(peer.fd);
          assert.equal(tagOf(await take(own)), 1);
          for (let i = 0; i < 2; i++) await assertOver(own);
          sendTag(own, 2);
          assert.equal(tagOf(peer.receive(WITHIN_SECONDS)), 2);
        }));
    }

    test('every receive that waits ends', () =>
      withChannel(kind, async (own, peer) => {
        const waits = [own.receiveAsync(), own.receiveAsync()].map((wait) =>
          assertRejects(wait, ended.receive),
        );
        await turns();
        shutdownSending(peer.fd);
        await Promise.all(waits);
      }));
  });

  // For the kernel a peer that had not received everything is a reset connection, which it reports once, to whichever
  // call comes first. Here it is the end as any other.
  for (const [what, types, send] of leftovers) {
    if (!types.includes(type)) continue;
    const leave = (own: End, peer: End, count: number): void => {
      for (let i = 0; i < count; i++) send(own);
      peer.destroy();
    };

    suite(`a peer that closes with ${what} unread, ${kind.name}`, (test) => {
      for (const count of [1, 2, 3]) {
        test(`${count}: every receive that waits ends`, () =>
          withChannel(kind, async (own, peer) => {
            const waits = Array.from({ length: 3 }, () => assertRejects(own.receiveAsync(), ended.receive));
            await turns();
            leave(own, peer, count);
            await Promise.all(waits);
          }));

        test(`${count}: receives that wait get what it had sent, then the end`, () =>
          withChannel(kind, async (own, peer) => {
            const waits = [recvTag(own), recvTag(own), assertRejects(own.receiveAsync(), ended.receive)];
            await turns();
            for (const tag of [1, 2]) sendTag(peer, tag);
            leave(own, peer, count);
            assert.deepEqual(await Promise.all(waits), [1, 2, undefined]);
          }));

        for (const { form, take, assertOver } of takings(kind)) {
          test(`${count}, ${form}: what it had sent comes first, then the end`, () =>
            withChannel(kind, async (own, peer) => {
              for (const tag of [1, 2]) sendTag(peer, tag);
              leave(own, peer, count);
              for (const tag of [1, 2]) assert.equal(tagOf(await take(own)), tag);
              await assertOver(own);
              await assertEnded(kind, own);
            }));
        }

        for (const { form, assertOver } of [...takings(kind), ...givings(kind)]) {
          test(`${count}, ${form} first of all: the end`, () =>
            withChannel(kind, async (own, peer) => {
              leave(own, peer, count);
              await assertOver(own);
              await assertEnded(kind, own);
            }));
        }
      }
    });
  }

  suite(`an end in a crowded moment, ${kind.name}`, (test) => {
    test('receives and sends that wait all end when a peer closes with everything unread', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile()], async (fd) => {
          kind.fill(own, fd);
          const waits = Array.from({ length: 3 }, () => [
            assertRejects(own.receiveAsync(), ended.receive, 'a receive'),
            assertRejects(own.sendAsync(fd), ended.send, 'a send'),
          ]);
          await turns();
          peer.destroy();
          await Promise.all(waits.flat());
        }),
      ));

    test('a destroy in the same turn as a shutdown rejects with EBADF', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile()], async (fd) => {
          kind.fill(own, fd);
          const sent = own.sendAsync(fd);
          peer.shutdown();
          own.destroy();
          await assertRejects(sent, SEND_CLOSED);
        }),
      ));

    test('a process that sends and is killed: what it sent comes first, then the end', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...sent) => {
          const calls = [...sent.map((_, i) => ['send', 4 + i] as const), ['receive'] as const];
          const sender = callInProcess(kind, peer.fd, calls, sent);
          peer.destroy();
          for (const _ of sent) assert.deepEqual(await sender.next(), {});
          sender.child.kill('SIGKILL');
          await sender.exit;
          for (const fd of sent) assertReceives(own, fd);
          await assertEnded(kind, own);
        }),
      ));
  });
}
