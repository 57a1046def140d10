import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench, Side } from '../harness/question.ts';
import { exactly } from '../harness/statistics.ts';
import { FDCHANNEL } from './fdchannel.ts';
import { WaitingEndpoints } from './waiting-endpoints.ts';

export const WAKE = 'time per wake';
export const IDLE = 'idle processor time';
export const HEAP = 'heap memory each';
/** Beside its own socket. */
export const NEVER_WAITED = 'extra descriptors, never waited';
export const WAITING = 'extra descriptors, waiting';

/** A socket, its peer's, and the duplicate that the event loop watches. */
const DESCRIPTORS_EACH = 3;
const DESCRIPTORS_SPARE = 64;
/** With fewer endpoints, what else the process does weighs more than they. */
const MANY = 1000;

/**
 * Lets more and more endpoints wait on this thread's event loop: what each takes, what it costs to wake one, and
 * to leave all of them alone. Needs `--expose-gc`.
 *
 * @param beside the sides that take turns with the wake at a point
 * @param bases those of them that the wake's time is divided by
 */
export async function measureWaits(
  bench: Bench,
  points: readonly number[],
  beside: (point: number) => Promise<readonly Side[]> = async () => [],
  bases: readonly string[] = [],
): Promise<void> {
  const endpoints = new WaitingEndpoints();
  let waiting = 0;
  for (const point of affordable(bench, points)) {
    if (bench.stopped) break;
    const before = look();
    endpoints.grow(point);
    const grown = look();
    endpoints.wait();
    const after = look();
    const each = (metric: string, unit: string, all: number, own = 0): void => {
      const value = exactly(all / (point - waiting) - own);
      if (point >= MANY) bench.figure({ side: FDCHANNEL, metric, unit, point, value });
    };
    each(HEAP, 'bytes', after.memory - before.memory);
    each(NEVER_WAITED, 'descriptors', grown.descriptors - before.descriptors, 2);
    each(WAITING, 'descriptors', after.descriptors - before.descriptors, 2);
    waiting = point;
    const sides = [...(await beside(point)), endpoints.side(FDCHANNEL)];
    await bench.compare(sides, { metric: WAKE, point, bases });
    await idle(bench, point);
  }
  endpoints.close();
}

function affordable(bench: Bench, points: readonly number[]): readonly number[] {
  const report = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft?: number | string } };
  };
  const limit = Number(report.userLimits?.open_files?.soft);
  // "unlimited" is no number, and no bound.
  if (Number.isNaN(limit)) return points;
  const most = Math.floor((limit - DESCRIPTORS_SPARE) / DESCRIPTORS_EACH);
  for (const point of points.filter((point) => point > most)) {
    const reason = `the descriptor limit of ${limit} is too low for ${DESCRIPTORS_EACH} each`;
    bench.missing({ side: `${FDCHANNEL} at ${point}`, reason });
  }
  return points.filter((point) => point <= most);
}

/** The bytes of the process's objects and buffers, and its open descriptors. */
function look(): { memory: number; descriptors: number } {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return { memory: heapUsed + external, descriptors: readdirSync('/dev/fd').length };
}

async function idle(bench: Bench, point: number): Promise<void> {
  const milliseconds = bench.quick ? 250 : 1000;
  // The engine tidies up after what was timed.
  await sleep(milliseconds);
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(milliseconds);
  const { user, system } = process.cpuUsage(before);
  const value = exactly((user + system) / 10 / (performance.now() - start));
  bench.figure({ side: FDCHANNEL, metric: IDLE, unit: '%', point, value });
}
