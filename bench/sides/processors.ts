import { createRequire } from 'node:module';
import type Koffi from 'koffi';

/**
 * Where the far end of a round trip has to run, in the environment of whatever process that is. A peer that makes
 * a second process reads it there.
 */
const FAR = 'FDCHANNEL_BENCH_FAR_PROCESSOR';

// sched.h: a cpu_set_t has a bit for each of 1024 processors.
const MASK_BYTES = 128;

type Affinity = (pid: number, size: number, mask: Uint8Array) => number;

/** @throws Error where a thread can't be confined to a processor */
function affinity(call: 'sched_getaffinity' | 'sched_setaffinity', mask: Uint8Array): void {
  if (process.platform !== 'linux') throw new Error(`no way to choose processors on ${process.platform}`);
  const koffi: typeof Koffi = createRequire(import.meta.url)('koffi');
  const invoke: Affinity = koffi.load(null).func(`int ${call}(int pid, size_t size, _Inout_ uint8_t *mask)`);
  if (invoke(0, MASK_BYTES, mask) < 0) throw new Error(`${call}: errno ${koffi.errno()}`);
}

let allowed: number[] | undefined;

/** The processors that this thread may run on, or might before it was confined. */
function allowedProcessors(): number[] {
  if (allowed) return allowed;
  const mask = new Uint8Array(MASK_BYTES);
  affinity('sched_getaffinity', mask);
  const isAllowed = (processor: number): boolean =>
    ((mask[processor >> 3] ?? 0) & (1 << (processor & 7))) !== 0;
  allowed = Array.from({ length: 8 * MASK_BYTES }, (_, processor) => processor).filter(isAllowed);
  return allowed;
}

/** Keeps this thread, and every thread and process that it starts from now on, on one processor. */
function confineTo(processor: number): void {
  const mask = new Uint8Array(MASK_BYTES);
  mask[processor >> 3] = 1 << (processor & 7);
  affinity('sched_setaffinity', mask);
}

/**
 * Keeps this thread on one processor, and the far end on the same one or on another.
 *
 * @throws Error where it can't
 */
export function confineEnds(processors: number): void {
  const allowed = allowedProcessors();
  const near = allowed[0] as number;
  const far = allowed[processors - 1];
  if (far === undefined) throw new Error('there is only one processor to run on');
  process.env[FAR] = String(far);
  confineTo(near);
}

/** Moves this thread, which is a far end, to where it has to run. */
export function confineFarEnd(): void {
  const far = process.env[FAR];
  if (far !== undefined) confineTo(Number(far));
}
