import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { recvTag, sendTag } from '../support/channel.ts';
import { type End, type Kind, PASSERS } from '../support/ends.ts';
import { startProcess } from '../support/processes.ts';
import { load } from '../support/processor.ts';
import { skip, suite } from '../support/suite.ts';
import { type Observed, observe, turns } from '../support/waits.ts';

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
  if (count < MANY) console.log(`\n${count} instead of ${MANY} ends: the limit is ${limit} descriptors`);
  return count;
}

interface Waiting {
  readonly peer: End;
  readonly wait: Observed<number>;
}

async function withWaiting(
  kind: Kind,
  count: number,
  body: (waiting: readonly Waiting[]) => unknown,
): Promise<void> {
  const channels = Array.from({ length: count }, () => kind.pair());
  try {
    await body(channels.map(([own, peer]) => ({ peer, wait: observe(recvTag(own)) })));
  } finally {
    for (const end of channels.flat()) end.destroy();
    await turns();
  }
}

const pending = (waiting: readonly Waiting[]): number =>
  waiting.filter(({ wait }) => wait.state === 'pending').length;

for (const kind of PASSERS) {
  suite(`many ends that wait, ${kind.name}`, (test) => {
    test('64 of them take no thread of the pool: fs.promises.stat goes on', () =>
      withWaiting(kind, 64, async (waiting) => {
        await turns();
        for (let i = 0; i < 10; i++) assert.ok((await stat(import.meta.dirname)).isDirectory());
        assert.equal(pending(waiting), 64);
        for (const [tag, { peer }] of waiting.entries()) sendTag(peer, tag);
        for (const [tag, { wait }] of waiting.entries()) assert.equal(await wait.promise, tag);
      }));

    test(`${MANY} of them use no processor time, and one wake among them wakes one`, async () => {
      const count = await affordable();
      await withWaiting(kind, count, async (waiting) => {
        await turns();
        const share = await load();
        assert.ok(share < 0.3, `${share} of a processor`);

        const one = waiting[Math.floor(count / 3)] as Waiting;
        sendTag(one.peer, 7);
        assert.equal(await one.wait.promise, 7);
        await turns();
        assert.equal(pending(waiting), count - 1);
      });
    });

    test('all of them wake when everything arrives at once', async () => {
      const count = Math.min(1_000, await affordable());
      await withWaiting(kind, count, async (waiting) => {
        for (const [tag, { peer }] of waiting.entries()) sendTag(peer, tag);
        const tags = await Promise.all(waiting.map(({ wait }) => wait.promise));
        assert.deepEqual(tags, [...waiting.keys()]);
      });
    });
  });
}
