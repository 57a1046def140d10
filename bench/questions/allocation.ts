import { closeSync, openSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import type { Bench, Question } from '../harness/question.ts';
import { spread } from '../harness/statistics.ts';
import { endpoints } from '../sides/fdchannel.ts';

const PASS = 'sendFD + recvFD + closeFD';
const BYTES = 'bytes allocated per call';
const CALLS = 20_000;

const question: Question = {
  name: 'allocation',
  title: 'What a call leaves for the garbage collector',
  // A young generation that holds everything that is allocated between two looks at it.
  execArgv: ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'],
  // One page of the collector's, over the calls between two looks.
  goals: [{ text: 'bytes allocated by a pass', side: PASS, metric: BYTES, atMost: 4096 / CALLS }],
  async measure(bench) {
    const [near, far] = endpoints();
    const source = openSync('/dev/null', 'r');
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
    await count(bench, 'tryRecvFD with nothing there', (calls) => {
      for (let i = 0; i < calls; i++) far.tryRecvFD();
    });
    await count(bench, 'recvFDAsync, pending', async (calls) => {
      for (let i = 0; i < calls; i++) {
        near.sendFD(source);
        closeFD(await far.recvFDAsync());
      }
    });
    await count(bench, 'recvFDAsync, woken', async (calls) => {
      for (let i = 0; i < calls; i++) {
        const arrival = far.recvFDAsync();
        near.sendFD(source);
        closeFD(await arrival);
      }
    });
    near.destroy();
    far.destroy();
    closeSync(source);
  },
};
export default question;

async function count(bench: Bench, side: string, run: (calls: number) => unknown): Promise<void> {
  const collect = globalThis.gc as () => void;
  const looks: number[] = [];
  const rounds = bench.quick ? 10 : 50;
  for (let warmUp = 0; warmUp < 5 && !bench.stopped; warmUp++) await run(CALLS);
  for (let round = 0; round < rounds && !bench.stopped; round++) {
    bench.progress(round / rounds, side);
    collect();
    const before = process.memoryUsage().heapUsed;
    await run(CALLS);
    looks.push((process.memoryUsage().heapUsed - before) / CALLS);
  }
  if (looks.length > 0) bench.figure({ side, metric: BYTES, unit: 'bytes', value: spread(looks) });
}
