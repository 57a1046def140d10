import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import type { Call, Calls } from '../fixtures/calls-end.ts';
import {
  type Blocking,
  blockings,
  type Caller,
  callAllInProcess,
  callAllInThread,
} from '../support/calls.ts';
import { assertWorks, drain, sendTag, TOO_MANY, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { type End, type Kind, PASSERS } from '../support/ends.ts';
import { tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { setNonblocking, statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** Where a call may block; the last is whether that is the main thread. */
const places: [place: string, start: (...all: Calls[]) => Caller | Promise<Caller>, main: boolean][] = [
  ['another process', callAllInProcess, true],
  ['a worker', callAllInThread, false],
];

for (const kind of PASSERS) {
  suite(`the queue, ${kind.name}`, (test) => {
    test('200 descriptors arrive in order', () =>
      withChannel(kind, (a, b) => {
        const tags = Array.from({ length: 200 }, (_, i) => i);
        for (const tag of tags) sendTag(a, tag);
        assert.deepEqual(drain(b), tags);
      }));

    test('each direction has a queue of its own', () =>
      withChannel(kind, (a, b) => {
        for (const tag of [1, 2]) sendTag(a, tag);
        for (const tag of [3, 4]) sendTag(b, tag);
        const receive = (end: End): number => tagOf(end.receive(WITHIN_SECONDS));
        assert.deepEqual([receive(a), receive(b), receive(a), receive(b)], [3, 1, 4, 2]);
      }));

    test('10 000 passes leave nothing behind', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], (fd) => {
          const before = openDescriptors();
          for (let i = 0; i < 5_000; i++) {
            a.send(fd);
            closeFD(b.receive());
            b.send(fd);
            closeFD(a.tryReceive() as number);
          }
          assert.deepEqual(openDescriptors(), before);
        }),
      ));

    for (const [place, start, main] of places) {
      test(`a full queue blocks a sender in ${place} until there is room`, () =>
        eachBlocking(kind, async (channels) => {
          const sender = await start(
            ...channels.map(({ own, options }) => ({
              kind: kind.name,
              sockfd: own.fd,
              calls: Array<Call>(TOO_MANY).fill(['send', 0, ...options]),
            })),
          );
          for (const { how, own, peer, inCall } of channels) {
            const flags = statusFlags(own.fd);
            assert.equal((await sender.next()).threw, undefined, how);
            assert.equal(await sender.blocked(), main && inCall ? 'sendmsg' : 'poll', how);
            // Not by a blocking call: the process could not go on reporting.
            for (let i = 0; i < TOO_MANY; i++) closeFD(await peer.receiveAsync());
            for (let i = 1; i < TOO_MANY; i++) assert.equal((await sender.next()).threw, undefined, how);
            assert.equal(statusFlags(own.fd), flags, how);
            assertWorks(own, peer);
          }
          await sender.exit;
        }));

      test(`an empty queue blocks a receiver in ${place} until something comes`, () =>
        eachBlocking(kind, async (channels) => {
          const receiver = await start(
            ...channels.map(({ own, options }) => ({
              kind: kind.name,
              sockfd: own.fd,
              calls: [['tryReceive'], ['receive', ...options], ['receive', ...options]] as Call[],
            })),
          );
          for (const { how, own, peer, inCall } of channels) {
            const flags = statusFlags(own.fd);
            assert.equal((await receiver.next()).result, undefined, how);
            for (let i = 0; i < 2; i++) {
              assert.equal(await receiver.blocked(), main && inCall ? 'recvmsg' : 'poll', how);
              const fd = temporaryFile();
              peer.send(fd);
              const { result, inode } = await receiver.next();
              assert.equal(inode, fstatSync(fd).ino, how);
              closeFD(fd);
              if (!main) closeFD(result as number);
            }
            assert.equal(statusFlags(own.fd), flags, how);
            assertWorks(own, peer);
          }
          await receiver.exit;
        }));
    }
  });
}

/** Runs the body with a channel for each way to block. */
async function eachBlocking(
  kind: Kind,
  body: (channels: readonly (Blocking & { own: End; peer: End })[]) => unknown,
): Promise<void> {
  const channels = blockings.map((blocking) => {
    const [own, peer] = kind.pair();
    if (blocking.nonblocking) setNonblocking(own.fd);
    return { ...blocking, own, peer };
  });
  await body(channels);
  for (const { own, peer } of channels) for (const end of [own, peer]) end.destroy();
}
