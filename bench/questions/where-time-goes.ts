import { local } from '../harness/local.ts';
import type { Bench, Question } from '../harness/question.ts';
import { pairwise, spread } from '../harness/statistics.ts';
import { calls } from '../sides/bare-endpoint.ts';
import { BARE_KOFFI, bareKoffi } from '../sides/bare-koffi.ts';
import { FDCHANNEL, fdchannel } from '../sides/fdchannel.ts';
import type { Operation } from '../sides/operation.ts';

const OPERATIONS: readonly Operation[] = ['pass', 'send', 'receive', 'close', 'would-block'];

const THREADED = 'C, two threads';
/**
 * What each side has more than the one before, from the kernel up. Node has threads, and in a process that has,
 * the kernel counts references to the descriptors' table for each call; C with a second, sleeping thread shows
 * how much that is.
 */
const LAYERS = [
  { layer: 'system calls', side: 'C' },
  { layer: 'being threaded', side: THREADED },
  { layer: 'FFI', side: BARE_KOFFI },
  { layer: 'fdchannel', side: FDCHANNEL },
] as const;

const question: Question = {
  name: 'where-time-goes',
  title: 'Where the time goes: the system calls in C, in a process with threads, through koffi, in fdchannel',
  async measure(bench) {
    await bench.compare(bench.attempt('abs(0) by koffi', bareCall), { metric: 'time of a bare FFI call' });
    for (const operation of OPERATIONS) {
      if (bench.stopped) return;
      await layersOf(bench, operation);
    }
  },
};
export default question;

async function layersOf(bench: Bench, operation: Operation): Promise<void> {
  const threaded = await bench.peers(`${operation}-threaded`);
  const rounds = await bench.compare(
    [
      ...(await bench.peers(operation, ['C'])),
      ...threaded.map((side) => ({ ...side, name: THREADED })),
      ...bench.attempt(BARE_KOFFI, () => bareKoffi(operation)),
      fdchannel(operation),
    ],
    { metric: `time per ${operation}` },
  );
  let below: readonly number[] | undefined;
  for (const { layer, side } of LAYERS) {
    const times = rounds.get(side);
    if (!times?.length) return;
    const added = below ? pairwise(times, below, (time, less) => time - less) : times;
    bench.figure({ side: operation, metric: layer, unit: 'ns', value: spread(added) });
    below = times;
  }
}

function bareCall() {
  const { abs } = calls();
  return local({
    name: 'abs(0) by koffi',
    run(count) {
      for (let i = 0; i < count; i++) abs(0);
    },
  });
}
