import { setTimeout as sleep } from 'node:timers/promises';
import { localAsync } from '../harness/local.ts';
import type { Bench, Question } from '../harness/question.ts';
import { exactly } from '../harness/statistics.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { WaitingEndpoints } from '../sides/waiting-endpoints.ts';

const POINTS = [1, 10, 100, 1000, 4000];
/** Its socket, its peer's, and the duplicate that the event loop polls. */
const DESCRIPTORS_EACH = 3;
const DESCRIPTORS_SPARE = 64;

const question: Question = {
  name: 'waiting',
  title: 'Many endpoints wait on one event loop, and one is woken',
  execArgv: ['--expose-gc'],
  axis: { label: 'waiting endpoints', points: POINTS },
  goals: [
    {
      text: 'idle processor time of 1000 waiting endpoints',
      side: FDCHANNEL,
      metric: 'idle processor time',
      point: 1000,
      atMost: 0.5,
    },
  ],
  async measure(bench) {
    const endpoints = new WaitingEndpoints();
    let waiting = 0;
    for (const point of affordable(bench)) {
      if (bench.stopped) break;
      const before = memory();
      endpoints.grow(point);
      const after = memory();
      // Fewer are lost in what else the heap does.
      if (point >= 1000) {
        const each = (after - before) / (point - waiting);
        bench.figure({
          side: FDCHANNEL,
          metric: 'heap memory each',
          unit: 'bytes',
          point,
          value: exactly(each),
        });
      }
      waiting = point;
      await bench.compare([localAsync({ name: FDCHANNEL, run: (n) => endpoints.wake(n) })], {
        metric: 'time per wake',
        point,
      });
      await idle(bench, point);
    }
    endpoints.close();
  },
};
export default question;

function affordable(bench: Bench): number[] {
  const report = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft?: number | string } };
  };
  const limit = Number(report.userLimits?.open_files?.soft ?? Number.NaN);
  // "unlimited" is no number, and no bound.
  const most = Number.isNaN(limit)
    ? Number.POSITIVE_INFINITY
    : Math.floor((limit - DESCRIPTORS_SPARE) / DESCRIPTORS_EACH);
  const points = POINTS.filter((point) => point <= most);
  if (points.length === POINTS.length) return points;
  bench.note(
    `the descriptor limit of ${limit} has room for ${most} waiting endpoints, at 3 descriptors each`,
  );
  return [...points, most];
}

/** The bytes of the process's objects and buffers. */
function memory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function idle(bench: Bench, count: number): Promise<void> {
  const milliseconds = bench.quick ? 250 : 1000;
  // The engine tidies up after what was timed.
  await sleep(milliseconds);
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(milliseconds);
  const { user, system } = process.cpuUsage(before);
  bench.figure({
    side: FDCHANNEL,
    metric: 'idle processor time',
    unit: '%',
    point: count,
    value: exactly((user + system) / 10 / (performance.now() - start)),
  });
}
