import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { closeFD, type Endpoint, newConnectedSockets, newEndpoint } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { Arrivals } from './arrivals.ts';
import { BareEndpoint, close } from './bare-endpoint.ts';
import { watchOnLoop } from './bare-loop.ts';

const ECHO = new URL('./echo.js', import.meta.url);
const BARE_ECHO = new URL('./bare-echo.js', import.meta.url);
const FROM_WORKER = new URL('./from-worker.js', import.meta.url);

/** What from-worker.ts is asked for. */
export type Request = readonly [verb: 'batch' | 'each', count: number];

/** koffi's own calls here and in a second process. */
export async function bareRoundTrip(name: string): Promise<Side> {
  const endpoint = new BareEndpoint(await connectTo(BARE_ECHO));
  const source = openSync('/dev/null', 'r');
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        endpoint.send(source);
        close(endpoint.receive());
      }
    },
    close() {
      endpoint.close();
      closeSync(source);
    },
  });
}

/** koffi's own calls on the event loop, here and in a second process. */
export async function bareLoopRoundTrip(name: string): Promise<Side> {
  const endpoint = new BareEndpoint(await connectTo(BARE_ECHO, 'async'));
  const source = openSync('/dev/null', 'r');
  const arrivals = new Arrivals<number>();
  const watch = watchOnLoop([endpoint.fd], () => arrivals.bring(endpoint.tryReceive()));
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = arrivals.next();
        endpoint.send(source);
        close(await arrival);
      }
    },
    close() {
      watch.close();
      endpoint.close();
      closeSync(source);
    },
  });
}

/** Blocking calls here and in a second process. */
export async function blockingRoundTrip(name: string): Promise<Side> {
  return blockingSide(name, newEndpoint(await connectTo(ECHO, 'blocking')));
}

/** Blocking calls here and in a worker thread. */
export async function toWorkerRoundTrip(name: string): Promise<Side> {
  const [near, far] = newConnectedSockets();
  const worker = new Worker(ECHO, { workerData: far });
  await once(worker, 'message');
  return blockingSide(name, newEndpoint(near));
}

/** Blocking calls in a worker thread and in a second process. */
export async function fromWorkerRoundTrip(name: string): Promise<Side> {
  const worker = new Worker(FROM_WORKER, { workerData: await connectTo(ECHO, 'blocking') });
  const ask = async (request: Request): Promise<number | Float64Array> => {
    worker.postMessage(request);
    return (await once(worker, 'message'))[0];
  };
  return {
    name,
    batch: async (count) => (await ask(['batch', count])) as number,
    each: async (count) => (await ask(['each', count])) as Float64Array,
    async close() {
      worker.postMessage('close');
      await once(worker, 'exit');
    },
  };
}

/** The event loop here and in a second process. */
export async function asyncRoundTrip(name: string): Promise<Side> {
  const endpoint = newEndpoint(await connectTo(ECHO, 'async'));
  const source = openSync('/dev/null', 'r');
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        await endpoint.sendFDAsync(source);
        closeFD(await endpoint.recvFDAsync());
      }
    },
    close: () => release(endpoint, source),
  });
}

/** The near end of a blocking round trip. */
export function blockingSide(name: string, endpoint: Endpoint): Side {
  const source = openSync('/dev/null', 'r');
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        endpoint.sendFD(source);
        closeFD(endpoint.recvFD());
      }
    },
    close: () => release(endpoint, source),
  });
}

function release(endpoint: Endpoint, source: number): void {
  endpoint.destroy();
  closeSync(source);
}

/** Starts a process on one end of a channel. It ends when the other end, which this returns, is closed. */
async function connectTo(program: URL, ...args: string[]): Promise<number> {
  const [near, far] = newConnectedSockets();
  const child = spawn(process.execPath, [fileURLToPath(program), ...args], {
    stdio: ['ignore', 'inherit', 'inherit', far],
    // Ctrl-C is for the bench, which then closes the channel.
    detached: true,
  });
  await once(child, 'spawn');
  closeSync(far);
  return near;
}
