import { closeSync, openSync, readdirSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import type { Question } from '../harness/question.ts';
import { exactly } from '../harness/statistics.ts';
import { endpoints } from '../sides/fdchannel.ts';

const SIDE = 'async passes';
const HEAP = 'heap after, less heap before';
const DESCRIPTORS = 'descriptors after, less before';
const PASSES = 1_000_000;
const LAP = 50_000;

const question: Question = {
  name: 'soak',
  title: `${PASSES.toLocaleString('en')} async passes: does anything grow?`,
  onlyByName: true,
  execArgv: ['--expose-gc'],
  goals: [
    { text: 'bytes of heap that a million passes leave', side: SIDE, metric: HEAP, atMost: 100_000 },
    {
      text: 'descriptors that a million passes leave',
      side: SIDE,
      metric: DESCRIPTORS,
      atMost: 0,
      atLeast: 0,
    },
  ],
  async measure(bench) {
    const [near, far] = endpoints();
    const source = openSync('/dev/null', 'r');
    const lap = async (): Promise<void> => {
      for (let i = 0; i < LAP; i++) {
        const arrival = far.recvFDAsync();
        await near.sendFDAsync(source);
        closeFD(await arrival);
      }
    };
    await lap();
    const [heap, descriptors] = [heapUsed(), openDescriptors()];
    let passes = 0;
    while (passes < PASSES && !bench.stopped) {
      await lap();
      passes += LAP;
      bench.progress(passes / PASSES, `${passes.toLocaleString('en')} passes`);
    }
    bench.figure({ side: SIDE, metric: 'passes', unit: 'calls', value: exactly(passes) });
    bench.figure({ side: SIDE, metric: HEAP, unit: 'bytes', value: exactly(heapUsed() - heap) });
    bench.figure({
      side: SIDE,
      metric: DESCRIPTORS,
      unit: 'descriptors',
      value: exactly(openDescriptors() - descriptors),
    });
    near.destroy();
    far.destroy();
    closeSync(source);
  },
};
export default question;

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function openDescriptors(): number {
  return readdirSync('/dev/fd').length;
}
