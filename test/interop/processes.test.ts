import assert from 'node:assert/strict';
import { fstatSync, mkdtempSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFD } from '../../src/index.ts';
import { callInProcess, callInThread } from '../support/calls.ts';
import {
  assertReceives,
  assertRefused,
  ENDED,
  FRAMINGS,
  SOON,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

function read(fd: number): string {
  const bytes = Buffer.alloc(4);
  return bytes.toString('utf8', 0, readSync(fd, bytes));
}

const inodeOf = (fd: number): number => fstatSync(fd).ino;

for (const framing of FRAMINGS) {
  suite(`between processes, ${framing}`, (test) => {
    test('a file goes to a child and another comes back; the first one’s offset is shared', () =>
      withChannel(framing, (own, peer) =>
        withDescriptors([temporaryFile('one two')], async (file) => {
          const directory = mkdtempSync(join(tmpdir(), 'fdchannel-'));
          const path = join(directory, 'answer');
          const fixture = startFixture('answers-with-file.ts', { args: [path], fds: [peer.fd] });
          peer.destroy();
          own.sendFD(file);

          await withDescriptors([own.recvFD(SOON)], (answer) => {
            assert.equal(read(file), 'two');
            assert.equal(read(answer), 'ONE ');
            const { dev, ino } = statSync(path);
            const received = fstatSync(answer);
            assert.deepEqual([received.dev, received.ino], [dev, ino]);
          });
          rmSync(directory, { recursive: true });

          own.shutdown();
          const { code, stdout, stderr } = await fixture.exit;
          assert.deepEqual([code, stderr], [0, '']);
          const { dev, ino } = fstatSync(file);
          assert.deepEqual(JSON.parse(stdout), { dev, ino, text: 'one ', end: ENDED[1] });
        }),
      ));

    test('many descriptors go in order to a child, which then ends the channel', () =>
      withChannel(framing, (own, peer) =>
        withDescriptors(
          [0, 1, 2, 3].map(() => temporaryFile()),
          async (...files) => {
            const child = callInProcess(peer.fd, [...Array(20).fill(['recvFD']), ['shutdown']]);
            for (let i = 0; i < 20; i++) own.sendFD(files[i % 4] as number);
            const inodes = [];
            for (let i = 0; i < 20; i++) inodes.push((await child.next()).inode);
            assert.deepEqual(
              inodes,
              inodes.map((_, i) => inodeOf(files[i % 4] as number)),
            );
            assert.equal((await child.exit).code, 0);
            // Both sockets are still open here: it was the child's shutdown.
            for (const endpoint of [own, peer]) assertRefused(() => endpoint.recvFD(SOON), ENDED);
          },
        ),
      ));

    test('a child sends, and is gone when its descriptors are received', () =>
      withChannel(framing, (own, peer) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
          const child = callInProcess(
            peer.fd,
            [
              ['sendFD', 4],
              ['sendFD', 5],
            ],
            files,
          );
          peer.destroy();
          assert.equal((await child.exit).code, 0);
          for (const file of files) assertReceives(own, file);
          assertRefused(() => own.recvFD(SOON), ENDED);
        }),
      ));

    test('two children pass what the parent gave to the first', () =>
      withChannel(framing, (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          const receiver = callInProcess(peer.fd, [['recvFD']]);
          const sender = callInProcess(own.fd, [['sendFD', 4]], [file]);
          assert.equal((await receiver.next()).inode, inodeOf(file));
          for (const { exit } of [receiver, sender]) assert.equal((await exit).code, 0);
        }),
      ));
  });

  suite(`between threads, ${framing}`, (test) => {
    test('a thread on each side: all arrives, in order, and one waits for the other', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
          const count = 600;
          const order = Array.from({ length: count }, (_, i) => files[(i * i) % 3 ? 1 : 0] as number);
          const receiver = await callInThread(b.fd, ...order.map(() => ['recvFD'] as const));
          assert.equal(await receiver.blocked(), 'poll');
          const sender = await callInThread(a.fd, ...order.map((fd) => ['sendFD', fd] as const));
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
