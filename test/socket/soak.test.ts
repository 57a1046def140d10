import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { closeFD } from '../../src/index.ts';
import { drain, withChannel } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { ENDS, type End } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { suite } from '../support/suite.ts';
import { aborting, BY_THREAD, turns } from '../support/waits.ts';

/** Over a helper thread, a wait takes twenty times as long. */
const PASSES = BY_THREAD ? 5_000 : 20_000;

/** What the heap may grow by in that many passes: less than a hundred bytes for each. */
const GROWTH = 75 * PASSES;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

async function usedHeap(): Promise<number> {
  // Twice: what the first one frees may hold what the second one does.
  for (let i = 0; i < 2; i++) {
    await turns();
    gc();
  }
  return process.memoryUsage().heapUsed;
}

const passes: [what: string, pass: (a: End, b: End, fd: number) => Promise<void>][] = [
  [
    'a receive that waits',
    async (a, b, fd) => {
      const received = b.receiveAsync();
      a.send(fd);
      closeFD(await received);
    },
  ],
  [
    'a receive that need not',
    async (a, b, fd) => {
      await a.sendAsync(fd);
      closeFD(await b.receiveAsync());
    },
  ],
  [
    'a receive that is aborted',
    async (_, b) => {
      const { signal, abort } = aborting();
      const received = b.receiveAsync({ signal }).catch(() => {});
      abort();
      await received;
    },
  ],
];

for (const kind of ENDS) {
  suite(`a soak, ${kind.name}`, (test) => {
    for (const [what, pass] of passes) {
      test(`${PASSES} times ${what}: heap and descriptors stay as they are`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            for (let i = 0; i < PASSES / 4; i++) await pass(a, b, fd);
            const [heap, descriptors] = [await usedHeap(), openDescriptors()];
            for (let i = 0; i < PASSES; i++) await pass(a, b, fd);
            const growth = (await usedHeap()) - heap;
            assert.ok(growth < GROWTH, `the heap grew by ${growth} bytes`);
            assert.deepEqual(openDescriptors(), descriptors);
          }),
        ));
    }

    test('2000 sends that wait for room: heap and descriptors stay as they are', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const round = async (): Promise<void> => {
            const full = kind.fill(a, fd);
            const sent = Promise.all(Array.from({ length: 100 }, () => a.sendAsync(fd)));
            for (let i = 0; i < full + 100; i++) closeFD(await b.receiveAsync());
            await sent;
          };
          for (let i = 0; i < 5; i++) await round();
          const [heap, descriptors] = [await usedHeap(), openDescriptors()];
          for (let i = 0; i < 20; i++) await round();
          const growth = (await usedHeap()) - heap;
          assert.ok(growth < GROWTH, `the heap grew by ${growth} bytes`);
          assert.deepEqual(openDescriptors(), descriptors);
          assert.deepEqual(drain(b), []);
        }),
      ));
  });
}
