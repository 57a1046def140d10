import type { Bench, Side } from './question.ts';
import { pairwise, spread } from './statistics.ts';

/** What a side has more than the one before it. */
export interface Layer {
  readonly layer: string;
  readonly side: string;
}

/**
 * Times the sides of an operation against each other, and says what each layer adds.
 *
 * @param layers from the kernel up
 */
export async function stack(
  bench: Bench,
  operation: string,
  layers: readonly Layer[],
  sides: readonly Side[],
): Promise<void> {
  const rounds = await bench.compare(sides, { metric: `time per ${operation}` });
  let below: readonly number[] | undefined;
  for (const { layer, side } of layers) {
    const times = rounds.get(side);
    if (!times?.length) return;
    const added = below ? pairwise(times, below, (time, less) => time - less) : times;
    bench.figure({ side: operation, metric: layer, unit: 'ns', value: spread(added) });
    below = times;
  }
}
