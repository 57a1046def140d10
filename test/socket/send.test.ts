import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD, SyscallError } from '../../src/index.ts';
import { drain, withChannel } from '../support/channel.ts';
import { identity, openDescriptors } from '../support/descriptors.ts';
import { PASSERS } from '../support/ends.ts';
import { tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { assertRejects, type Refusal } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { aborting, observe, turns } from '../support/waits.ts';

const SENDS = 400;

/** A number that nobody has: waits open others, and one that was closed would be reused. */
const NOT_OPEN = 2 ** 31 - 1;
const REFUSED: Refusal = [SyscallError, 'EBADF'];

const fileOf = (fd: number): string => {
  const { device, inode } = identity(fd);
  return `${device}:${inode}`;
};

for (const kind of PASSERS) {
  suite(`sends that wait for room, ${kind.name}`, (test) => {
    test(`${SENDS} sends, each source closed and its number reused at once, arrive as what they were`, () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (filling) => {
          const full = kind.fill(a, filling);
          // The files have to stay, or their inodes would be reused as well.
          const [kept, sent, wanted]: [number[], Promise<void>[], string[]] = [[], [], []];
          for (let i = 0; i < SENDS; i++) {
            const file = temporaryFile();
            wanted.push(fileOf(file));
            kept.push(openSync(`/proc/self/fd/${file}`, 'r'));
            sent.push(a.sendAsync(file));
            closeSync(file);
            const reused = openSync('/dev/null', 'r');
            assert.equal(reused, file, 'the number is reused');
            kept.push(reused);
          }
          const got: string[] = [];
          for (let received = 0; received < full + SENDS; received++) {
            const fd = await b.receiveAsync();
            if (received >= full) got.push(fileOf(fd));
            else assert.equal(fileOf(fd), fileOf(filling));
            closeFD(fd);
          }
          await Promise.all(sent);
          assert.deepEqual(got, wanted);
          assert.equal(b.tryReceive(), undefined);
          for (const fd of kept) closeSync(fd);
        }),
      ));

    test('a send that need not wait makes no duplicate, and is done at once', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const before = openDescriptors();
          const sent = a.sendAsync(fd);
          assert.deepEqual(openDescriptors(), before);
          assert.deepEqual(drain(b), [0]);
          assert.equal(await sent, undefined);
        }),
      ));

    test('each send that waits holds one duplicate, and gives it up when it was sent', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          kind.fill(a, fd);
          const copies = (): number =>
            [...openDescriptors().values()].filter(({ inode }) => inode === identity(fd).inode).length;
          const waits = Array.from({ length: 10 }, () => a.sendAsync(fd));
          assert.equal(copies(), 11);
          drain(b);
          assert.deepEqual(await Promise.all(waits), Array(10).fill(undefined), 'a send has no value');
          assert.equal(copies(), 1);
          assert.equal(drain(b).length, 10);
        }),
      ));

    test('an abort closes the duplicate of its send, and of no other', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const full = kind.fill(a, fd);
          const first = a.sendAsync(fd);
          const before = openDescriptors();
          for (let i = 0; i < 100; i++) {
            const { signal, abort } = aborting();
            const sent = observe(a.sendAsync(fd, { signal }));
            assert.equal(openDescriptors().size, before.size + 1);
            if (i % 2 === 0) await turns(1);
            abort();
            assert.deepEqual(openDescriptors(), before, 'closed in the tick of the abort');
            await turn();
            assert.equal(sent.state, 'rejected');
          }
          let tags = drain(b).length;
          await first;
          tags += drain(b).length;
          assert.equal(tags, full + 1);
        }),
      ));

    test('destroy closes every duplicate', () =>
      withChannel(kind, (a) =>
        withDescriptors([temporaryFile()], async (fd) => {
          kind.fill(a, fd);
          const before = openDescriptors();
          const socket = a.fd;
          const waits = Array.from({ length: 50 }, () => observe(a.sendAsync(fd)));
          await turns();
          a.destroy();
          before.delete(socket);
          assert.deepEqual(openDescriptors(), before);
          await turns();
          assert.ok(waits.every(({ state }) => state === 'rejected'));
        }),
      ));

    test('an object is read when the call is made, not when there is room', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile('some')], async (fd) => {
          const full = kind.fill(a, fd);
          const source = { fd };
          const sent = a.sendAsync(source);
          source.fd = -1;
          let last: number | undefined;
          for (let i = 0; i <= full; i++) last = tagOf(await b.receiveAsync());
          await sent;
          assert.equal(last, 4);
        }),
      ));

    test('a descriptor that is not open is refused, and the sends behind it go on', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          await assertRejects(a.sendAsync(NOT_OPEN), REFUSED);
          const full = kind.fill(a, fd);
          const waits = a.sendAsync(fd);
          await assertRejects(a.sendAsync(NOT_OPEN), REFUSED);
          for (let i = 0; i <= full; i++) closeFD(await b.receiveAsync());
          await waits;
        }),
      ));
  });
}
