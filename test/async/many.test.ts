import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Endpoint } from '../../src/index.ts';
import { channel, FRAMINGS } from '../support/channel.ts';
import { startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';
import { observe, recvTag, sendTag, turns } from './waits.ts';

/** Two sockets of a channel, and the number through which one of them is polled. */
const PER_CHANNEL = 3;

const MANY = 4_000;
const FEWEST = 200;

/** What the tests, the runner and Node have open beside. */
const RESERVED = 100;

/** As many channels as the descriptor limit allows. */
async function affordable(): Promise<number> {
  const { stdout } = await startProcess('sh', ['-c', 'ulimit -n']).exit;
  const limit = stdout.trim() === 'unlimited' ? Number.POSITIVE_INFINITY : Number(stdout);
  const count = Math.min(MANY, Math.floor((limit - RESERVED) / PER_CHANNEL));
  if (count < FEWEST) skip(`${limit} descriptors are too few for ${FEWEST} channels`);
  if (count < MANY) console.log(`\n${count} instead of ${MANY} endpoints: the limit is ${limit} descriptors`);
  return count;
}

interface Waiting {
  readonly peer: Endpoint;
  readonly wait: { readonly promise: Promise<number>; readonly state: string };
}

async function withWaiting(
  framing: (typeof FRAMINGS)[number],
  count: number,
  body: (waiting: readonly Waiting[]) => unknown,
): Promise<void> {
  const channels = Array.from({ length: count }, () => channel(framing));
  try {
    await body(channels.map(([own, peer]) => ({ peer, wait: observe(recvTag(own)) })));
  } finally {
    for (const endpoint of channels.flat()) endpoint.destroy();
    await turns();
  }
}

const pending = (waiting: readonly Waiting[]): number =>
  waiting.filter(({ wait }) => wait.state === 'pending').length;

for (const framing of FRAMINGS) {
  suite(`many endpoints that wait, ${framing}`, (test) => {
    test('64 of them take no thread of the pool: fs.promises.stat goes on', () =>
      withWaiting(framing, 64, async (waiting) => {
        await turns();
        for (let i = 0; i < 10; i++) assert.ok((await stat(import.meta.dirname)).isDirectory());
        assert.equal(pending(waiting), 64);
        for (const [tag, { peer }] of waiting.entries()) sendTag(peer, tag);
        for (const [tag, { wait }] of waiting.entries()) assert.equal(await wait.promise, tag);
      }));

    test(`${MANY} of them use no processor time, and one wake among them wakes one`, async () => {
      const count = await affordable();
      await withWaiting(framing, count, async (waiting) => {
        await turns();
        // Nothing is waited for with these: they are the time in which the processor is looked at. The garbage of the
        // beginning is collected in one of them; a poll that never rests would show in all.
        const busy: number[] = [];
        for (let i = 0; i < 4; i++) {
          const before = process.cpuUsage();
          await delay(100);
          const { user, system } = process.cpuUsage(before);
          busy.push((user + system) / 1000);
        }
        assert.ok(Math.min(...busy) < 30, `${busy.join(', ')} ms of processor time in 100 ms each`);

        const one = waiting[Math.floor(count / 3)] as Waiting;
        sendTag(one.peer, 7);
        assert.equal(await one.wait.promise, 7);
        await turns();
        assert.equal(pending(waiting), count - 1);
      });
    });

    test('all of them wake when everything arrives at once', async () => {
      const count = Math.min(1_000, await affordable());
      await withWaiting(framing, count, async (waiting) => {
        for (const [tag, { peer }] of waiting.entries()) sendTag(peer, tag);
        const tags = await Promise.all(waiting.map(({ wait }) => wait.promise));
        assert.deepEqual(tags, [...waiting.keys()]);
      });
    });
  });
}
