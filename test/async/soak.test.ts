import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { FRAMINGS, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { drain, turns } from './waits.ts';

const PASSES = 20_000;

/** What the heap may grow by in that many passes: less than a hundred bytes for each. */
const GROWTH = 1_500_000;

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

const passes: [what: string, pass: (a: Endpoint, b: Endpoint, fd: number) => Promise<void>][] = [
  [
    'a receive that waits',
    async (a, b, fd) => {
      const received = b.recvFDAsync();
      a.sendFD(fd);
      closeFD(await received);
    },
  ],
  [
    'a receive that need not',
    async (a, b, fd) => {
      await a.sendFDAsync(fd);
      closeFD(await b.recvFDAsync());
    },
  ],
  [
    'a receive that is aborted',
    async (_, b) => {
      const controller = new AbortController();
      const received = b.recvFDAsync(controller).catch(() => {});
      controller.abort();
      await received;
    },
  ],
];

for (const framing of FRAMINGS) {
  suite(`a soak, ${framing}`, (test) => {
    for (const [what, pass] of passes) {
      test(`${PASSES} times ${what}: heap and descriptors stay as they are`, () =>
        withChannel(framing, (a, b) =>
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
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const round = async (): Promise<void> => {
            const full = fill(a, fd);
            const sent = Promise.all(Array.from({ length: 100 }, () => a.sendFDAsync(fd)));
            for (let i = 0; i < full + 100; i++) closeFD(await b.recvFDAsync());
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
