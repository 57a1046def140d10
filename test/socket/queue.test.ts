import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import type { Call } from '../fixtures/calls-end.ts';
import { callInProcess, callInThread } from '../support/calls.ts';
import {
  assertReceives,
  assertWorks,
  drain,
  sendTag,
  TOO_MANY,
  WITHIN_SECONDS,
  withChannel,
} from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { ENDS, type End } from '../support/ends.ts';
import { tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { setNonblocking, statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

for (const kind of ENDS) {
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

    for (const nonblocking of [false, true]) {
      const socket = nonblocking ? 'O_NONBLOCK' : 'blocking';

      test(`a full queue blocks the sender until there is room, ${socket}`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            if (nonblocking) setNonblocking(a.fd);
            const flags = statusFlags(a.fd);
            const sender = callInProcess(kind, a.fd, Array(TOO_MANY).fill(['send', 4]), [fd]);
            assert.deepEqual(await sender.next(), {});
            assert.equal(await sender.blocked(), nonblocking ? 'poll' : 'sendmsg');
            for (let i = 0; i < TOO_MANY; i++) assertReceives(b, fd);
            assert.equal((await sender.exit).code, 0);
            assert.equal(statusFlags(a.fd), flags);
            assertWorks(a, b);
          }),
        ));

      test(`an empty queue blocks the receiver until something comes, ${socket}`, () =>
        withChannel(kind, async (a, b) => {
          if (nonblocking) setNonblocking(b.fd);
          const flags = statusFlags(b.fd);
          const calls: Call[] = [['tryReceive'], ['receive'], ['receive', WITHIN_SECONDS]];
          const receiver = callInProcess(kind, b.fd, calls);
          assert.deepEqual(await receiver.next(), {});
          for (const syscall of [nonblocking ? 'poll' : 'recvmsg', 'poll']) {
            assert.equal(await receiver.blocked(), syscall);
            await withDescriptors([temporaryFile()], async (fd) => {
              a.send(fd);
              assert.equal((await receiver.next()).inode, fstatSync(fd).ino);
            });
          }
          assert.equal((await receiver.exit).code, 0);
          assert.equal(statusFlags(b.fd), flags);
        }));

      test(`the same in a worker, ${socket}`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            if (nonblocking) setNonblocking(a.fd);
            const calls: Call[] = [['receive'], ['receive', WITHIN_SECONDS]];
            const [sender, receiver] = await Promise.all([
              callInThread(kind, a.fd, ...Array(TOO_MANY).fill(['send', fd])),
              callInThread(kind, a.fd, ...calls),
            ]);
            for (let i = 0; i < calls.length; i++) {
              await receiver.blocked();
              b.send(fd);
              const { result, inode } = await receiver.next();
              assert.equal(inode, fstatSync(fd).ino);
              closeFD(result as number);
            }
            await sender.blocked();
            for (let i = 0; i < TOO_MANY; i++) assertReceives(b, fd);
            await Promise.all([sender.exit, receiver.exit]);
            assertWorks(a, b);
          }),
        ));
    }
  });
}
