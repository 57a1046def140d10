import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { callInProcess, callInThread } from '../support/calls.ts';
import { assertReceives, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { ENDS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { assertRefused } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

const inodeOf = (fd: number): number => fstatSync(fd).ino;

for (const kind of ENDS) {
  suite(`between processes, ${kind.name}`, (test) => {
    test('many descriptors go in order to a child, which then ends the channel', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors(
          [0, 1, 2, 3].map(() => temporaryFile()),
          async (...files) => {
            const child = callInProcess(kind, peer.fd, [...Array(20).fill(['receive']), ['shutdown']]);
            for (let i = 0; i < 20; i++) own.send(files[i % 4] as number);
            const inodes = [];
            for (let i = 0; i < 20; i++) inodes.push((await child.next()).inode);
            assert.deepEqual(
              inodes,
              inodes.map((_, i) => inodeOf(files[i % 4] as number)),
            );
            assert.equal((await child.exit).code, 0);
            // Both sockets are still open here: it was the child's shutdown.
            for (const end of [own, peer])
              assertRefused(() => end.receive(WITHIN_SECONDS), kind.ended.receive);
          },
        ),
      ));

    test('a child sends, and is gone when its descriptors are received', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
          const child = callInProcess(
            kind,
            peer.fd,
            [
              ['send', 4],
              ['send', 5],
            ],
            files,
          );
          peer.destroy();
          assert.equal((await child.exit).code, 0);
          for (const file of files) assertReceives(own, file);
          assertRefused(() => own.receive(WITHIN_SECONDS), kind.ended.receive);
        }),
      ));

    test('two children pass what the parent gave to the first', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          const receiver = callInProcess(kind, peer.fd, [['receive']]);
          const sender = callInProcess(kind, own.fd, [['send', 4]], [file]);
          assert.equal((await receiver.next()).inode, inodeOf(file));
          for (const { exit } of [receiver, sender]) assert.equal((await exit).code, 0);
        }),
      ));
  });

  suite(`between threads, ${kind.name}`, (test) => {
    test('a thread on each side: all arrives, in order, and one waits for the other', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
          const count = 600;
          const order = Array.from({ length: count }, (_, i) => files[(i * i) % 3 ? 1 : 0] as number);
          const receiver = await callInThread(kind, b.fd, ...order.map(() => ['receive'] as const));
          await receiver.blocked();
          const sender = await callInThread(kind, a.fd, ...order.map((fd) => ['send', fd] as const));
          for (const fd of order) {
            const { result, inode } = await receiver.next();
            assert.equal(inode, inodeOf(fd));
            closeFD(result as number);
          }
          await Promise.all([sender.exit, receiver.exit]);
        }),
      ));
  });
}
