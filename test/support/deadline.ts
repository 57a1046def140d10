import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const { FDCHANNEL_TEST_PATIENCE = '10000' } = process.env;

/** How long a test may go on closing, in milliseconds, when its body is over. */
export const patience = Number(FDCHANNEL_TEST_PATIENCE);

let interruptBody: ((thrown: unknown) => void) | undefined;

/** Runs `body`, and rejects when it takes longer than `ms`, or is interrupted. The body itself cannot be stopped. */
export async function withinDeadline(ms: number, body: () => unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      interruptBody = reject;
      timer = setTimeout(() => reject(new Error(`still running after ${ms} ms`)), ms);
      // A rejection that nobody handles is reported one turn later, and belongs to this body.
      (async () => {
        await body();
        await turn();
      })().then(resolve, reject);
    });
  } finally {
    interruptBody = undefined;
    clearTimeout(timer);
  }
}

/** Makes the body in progress fail. @returns false when none is */
export function interrupt(thrown: unknown): boolean {
  interruptBody?.(thrown);
  return interruptBody !== undefined;
}

// What the main thread tells the watchdog: a number that changes with every message, the milliseconds (0: nothing to
// watch), and the length and bytes of a name.
const [ROUND, LIMIT, LENGTH, HEADER] = [0, 1, 2, 3];
const shared = new SharedArrayBuffer(1024);
const header = new Int32Array(shared, 0, HEADER);
const name = Buffer.from(shared, header.byteLength);

const watchdog = /* js */ `
  const { readFileSync, writeSync } = require('node:fs');
  const { workerData: shared } = require('node:worker_threads');
  const header = new Int32Array(shared, 0, ${HEADER});
  for (;;) {
    const round = Atomics.load(header, ${ROUND});
    const limit = Atomics.load(header, ${LIMIT}) || Infinity;
    if (Atomics.wait(header, ${ROUND}, round, limit) !== 'timed-out') continue;
    const name = Buffer.from(shared, header.byteLength).toString('utf8', 0, header[${LENGTH}]);
    writeSync(2, '\\nblocked: the main thread has not come back for ' + limit + ' ms from ' + name + '\\n');
    try {
      const children = readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8');
      for (const child of children.match(/\\d+/g) ?? []) process.kill(Number(child), 'SIGKILL');
    } catch {}
    process.kill(process.pid, 'SIGKILL');
  }
`;

/** Starts the thread that ends the process when its main thread blocks: no timer can run then. */
export async function startWatchdog(): Promise<void> {
  const worker = new Worker(watchdog, { eval: true, execArgv: [], workerData: shared });
  await once(worker, 'online');
  worker.unref();
}

/** Kills the process, with a line that names `what`, unless {@link unwatch} is called within `ms`. */
export function watch(what: string, ms: number): void {
  Atomics.store(header, LENGTH, name.write(what));
  tell(ms);
}

export function unwatch(): void {
  tell(0);
}

function tell(limit: number): void {
  Atomics.store(header, LIMIT, limit);
  Atomics.add(header, ROUND, 1);
  Atomics.notify(header, ROUND);
}
