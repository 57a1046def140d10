import { closeFD, closeFDs, type Message } from '../../src/index.ts';
import type { Bench, Question } from '../harness/question.ts';
import { exactly, spread } from '../harness/statistics.ts';
import { BareSocket } from '../sides/bare-message.ts';
import { channel } from '../sides/fdchannel.ts';
import { messagePair, SMALL } from '../sides/messages.ts';

const PASS = 'sendFD + recvFD + closeFD';
const WOKEN = 'recvFDAsync, woken';
const SENT = 'sendMessage + recvMessage, 64 bytes with one descriptor';
const RECEIVED = 'recvMessage, 64 bytes with one descriptor';
const BYTES = 'bytes allocated per call';
const KEPT = 'bytes kept of all calls';
const CALLS = 20_000;

const question: Question = {
  name: 'allocation',
  title: 'What a call leaves for the garbage collector, and what a million calls leave behind it',
  // A young generation that holds everything that is allocated between two looks at it.
  execArgv: ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'],
  goals: [
    // One page of the collector's, over the calls between two looks.
    { side: PASS, metric: BYTES, atMost: 4096 / CALLS },
    { side: WOKEN, metric: BYTES, atMost: 800 },
    // Its data lies outside of the heap.
    { side: RECEIVED, metric: BYTES, atMost: 300 },
    { side: RECEIVED, metric: KEPT, atMost: 100_000 },
    { side: WOKEN, metric: KEPT, atMost: 100_000 },
  ],
  async measure(bench) {
    const { near, far, source, close } = channel();
    let kept: unknown;
    await count(bench, 'one object with two members, to prove the method', (calls) => {
      for (let i = 0; i < calls; i++) kept = { i, calls };
      return kept;
    });
    await count(bench, PASS, (calls) => {
      for (let i = 0; i < calls; i++) {
        near.sendFD(source);
        closeFD(far.recvFD());
      }
    });
    const sources = Array<number>(64).fill(source);
    await count(bench, '64 by sendFDs + recvFDs + closeFDs', (calls) => {
      // An array of 64 is what is returned: it takes some 560 bytes.
      for (let i = 0; i < calls; i += 64) {
        near.sendFDs(sources);
        kept = far.recvFDs();
        closeFDs(kept as number[]);
      }
    });
    await count(bench, 'tryRecvFD with nothing there', (calls) => {
      for (let i = 0; i < calls; i++) far.tryRecvFD();
    });
    await count(bench, 'recvFDAsync, pending', async (calls) => {
      for (let i = 0; i < calls; i++) {
        near.sendFD(source);
        closeFD(await far.recvFDAsync());
      }
    });
    await count(bench, WOKEN, async (calls) => {
      for (let i = 0; i < calls; i++) {
        const arrival = far.recvFDAsync();
        near.sendFD(source);
        closeFD(await arrival);
      }
    });
    close();
    await messages(bench);
  },
};
export default question;

async function messages(bench: Bench): Promise<void> {
  const { near, far, data, sources, close } = messagePair({ bytes: SMALL, descriptors: 1 });
  await count(bench, SENT, (calls) => {
    for (let i = 0; i < calls; i++) {
      near.sendMessage(data, sources);
      closeFD(taken(far.recvMessage()));
    }
  });
  const sender = bareSocket(bench, near.fd);
  if (sender) {
    await count(bench, RECEIVED, (calls) => {
      for (let i = 0; i < calls; i++) {
        sender.send(data, sources);
        closeFD(taken(far.recvMessage()));
      }
    });
  }
  close();
}

/** What sends and allocates nothing, so that a receive is counted alone. */
function bareSocket(bench: Bench, fd: number): BareSocket | undefined {
  try {
    return new BareSocket(fd);
  } catch (error) {
    bench.missing({ side: RECEIVED, reason: String(error) });
    return undefined;
  }
}

/** The descriptor of a message that has one. */
function taken(message: Message | null): number {
  if (message?.fds.length !== 1) throw new Error('received what nobody sent');
  return message.fds[0] as number;
}

async function count(bench: Bench, side: string, run: (calls: number) => unknown): Promise<void> {
  const allocated: number[] = [];
  const rounds = bench.quick ? 10 : 50;
  for (let warmUp = 0; warmUp < 5 && !bench.stopped; warmUp++) await run(CALLS);
  const first = collected();
  for (let round = 0; round < rounds && !bench.stopped; round++) {
    bench.progress(round / rounds, side);
    const before = collected();
    await run(CALLS);
    allocated.push((process.memoryUsage().heapUsed - before) / CALLS);
  }
  if (allocated.length === 0) return;
  bench.figure({ side, metric: BYTES, unit: 'bytes', value: spread(allocated) });
  bench.figure({ side, metric: KEPT, unit: 'bytes', value: exactly(collected() - first) });
}

/** The bytes of the heap that are in use. */
function collected(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
