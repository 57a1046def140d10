import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import type { LoopPoll } from '../../src/libc/binding.ts';
import { libc } from '../../src/libc/calls.ts';
import { withChannel } from '../support/channel.ts';
import { ENDPOINTS, type End } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { suite } from '../support/suite.ts';
import { turns } from '../support/waits.ts';

/**
 * What is asked of koffi's polls while the body runs, each of which is a system call. Only of polls that the body
 * makes: an endpoint makes its poll with its first wait.
 */
async function asked(body: (taken: () => string[]) => Promise<unknown>): Promise<void> {
  const c = libc();
  const calls: string[] = [];
  const { pollOnLoop } = c.raw;
  Object.defineProperty(c.raw, 'pollOnLoop', {
    configurable: true,
    value(...args: Parameters<typeof pollOnLoop>): LoopPoll {
      const made = pollOnLoop(...args);
      return {
        start(...to) {
          calls.push('start');
          made.start(...to);
        },
        stop() {
          calls.push('stop');
          made.stop();
        },
        close: () => made.close(),
        ref: () => made.ref(),
        unref: () => made.unref(),
      };
    },
  });
  try {
    await body(() => calls.splice(0));
  } finally {
    Object.defineProperty(c.raw, 'pollOnLoop', { value: pollOnLoop });
  }
}

/** How many promises of its own a caller waits for between two receives. */
const HOPS = [0, 1, 2, 5];

for (const kind of ENDPOINTS) {
  suite(`what a wait asks of the poll, ${kind.name}`, (test) => {
    for (const hops of HOPS) {
      test(`nothing, when it follows another after ${hops} promises`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], (fd) =>
            asked(async (taken) => {
              const receive = async (end: End): Promise<void> => {
                const received = end.receiveAsync();
                a.send(fd);
                closeFD(await received);
                for (let hop = 0; hop < hops; hop++) await undefined;
              };
              for (let i = 0; i < 20; i++) await receive(b);
              assert.deepEqual(taken(), []);
              await turns();
              assert.deepEqual(taken(), ['stop'], 'nothing is polled when nothing waits');
              await receive(b);
              assert.deepEqual(taken(), ['start']);
            }),
          ),
        ));
    }

    test('one change when one of two directions is no longer waited for', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], (fd) =>
          asked(async (taken) => {
            const full = kind.fill(a, fd);
            const received = a.receiveAsync();
            const sent = a.sendAsync(fd);
            await turns();
            assert.deepEqual(taken(), ['start']);
            for (let i = 0; i < full; i++) closeFD(b.receive());
            await sent;
            await turns();
            assert.deepEqual(taken(), ['start']);
            b.send(fd);
            closeFD(await received);
            await turns();
            assert.deepEqual(taken(), ['stop']);
          }),
        ),
      ));
  });
}
