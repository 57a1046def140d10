import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import type { LoopPoll } from '../../src/libc/binding.ts';
import { libc } from '../../src/libc/calls.ts';
import { FRAMINGS, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { turns } from './waits.ts';

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

for (const framing of FRAMINGS) {
  suite(`what a wait asks of the poll, ${framing}`, (test) => {
    for (const hops of HOPS) {
      test(`nothing, when it follows another after ${hops} promises`, () =>
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], (fd) =>
            asked(async (taken) => {
              const receive = async (endpoint: Endpoint): Promise<void> => {
                const received = endpoint.recvFDAsync();
                a.sendFD(fd);
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
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], (fd) =>
          asked(async (taken) => {
            const full = fill(a, fd);
            const received = a.recvFDAsync();
            const sent = a.sendFDAsync(fd);
            await turns();
            assert.deepEqual(taken(), ['start']);
            for (let i = 0; i < full; i++) closeFD(b.recvFD());
            await sent;
            await turns();
            assert.deepEqual(taken(), ['start']);
            b.sendFD(fd);
            closeFD(await received);
            await turns();
            assert.deepEqual(taken(), ['stop']);
          }),
        ),
      ));
  });
}
