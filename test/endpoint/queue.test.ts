import assert from 'node:assert/strict';
import { closeSync, fstatSync, ftruncateSync } from 'node:fs';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { callInThread } from '../support/calls.ts';
import {
  assertRefused,
  assertWorks,
  FRAMINGS,
  NOTHING_THERE,
  SOON,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { setNonblocking, statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** More than a socket has room for. */
const TOO_MANY = 400;

function sendFileOfSize(endpoint: Endpoint, size: number): void {
  const fd = temporaryFile();
  ftruncateSync(fd, size);
  endpoint.sendFD(fd);
  closeSync(fd);
}

function receiveSize(endpoint: Endpoint): number {
  const fd = endpoint.recvFD(SOON);
  const { size } = fstatSync(fd);
  closeFD(fd);
  return size;
}

for (const framing of FRAMINGS) {
  suite(`the queue, ${framing}`, (test) => {
    test('200 descriptors arrive in order', () =>
      withChannel(framing, (a, b) => {
        const sizes = Array.from({ length: 200 }, (_, i) => i);
        for (const size of sizes) sendFileOfSize(a, size);
        assert.deepEqual(
          sizes.map(() => receiveSize(b)),
          sizes,
        );
        assertRefused(() => b.recvFDNonblock(), NOTHING_THERE);
      }));

    test('each direction has a queue of its own', () =>
      withChannel(framing, (a, b) => {
        for (const size of [1, 2]) sendFileOfSize(a, size);
        for (const size of [3, 4]) sendFileOfSize(b, size);
        assert.deepEqual([receiveSize(a), receiveSize(b), receiveSize(a), receiveSize(b)], [3, 1, 4, 2]);
      }));

    test('10 000 passes leave nothing behind', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], (fd) => {
          const before = openDescriptors();
          for (let i = 0; i < 5_000; i++) {
            a.sendFD(fd);
            closeFD(b.recvFD());
            b.sendFD(fd);
            closeFD(a.tryRecvFD() as number);
          }
          assert.deepEqual(openDescriptors(), before);
        }),
      ));

    for (const blocking of [true, false]) {
      test(`a full queue blocks the sender until there is room, ${blocking ? 'blocking' : 'O_NONBLOCK'}`, () =>
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            if (!blocking) setNonblocking(a.fd);
            const flags = statusFlags(a.fd);
            const thread = await callInThread(a.fd, ...Array(TOO_MANY).fill(['sendFD', fd]));
            assert.equal(await thread.blocked(), 'poll');
            for (let i = 0; i < TOO_MANY; i++) closeFD(b.recvFD(SOON));
            await thread.exit;
            assert.equal(statusFlags(a.fd), flags);
            assertWorks(a, b);
          }),
        ));

      test(`an empty queue blocks the receiver until something comes, ${blocking ? 'blocking' : 'O_NONBLOCK'}`, () =>
        withChannel(framing, async (a, b) => {
          if (!blocking) setNonblocking(b.fd);
          const flags = statusFlags(b.fd);
          const thread = await callInThread(b.fd, ['recvFD'], ['recvFD', SOON]);
          for (const syscall of ['poll', 'poll']) {
            assert.equal(await thread.blocked(), syscall);
            const fd = temporaryFile();
            a.sendFD(fd);
            const { result, inode } = await thread.next();
            assert.equal(inode, fstatSync(fd).ino);
            closeSync(fd);
            closeFD(result as number);
          }
          await thread.exit;
          assert.equal(statusFlags(b.fd), flags);
        }));
    }
  });
}
