import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { closeFD, type Endpoint, newConnectedSockets, newEndpoint } from '../../src/index.ts';
import { local, localAsync } from '../harness/local.ts';
import type { Question, Side } from '../harness/question.ts';
import { timed } from '../harness/timed.ts';
import { BareEndpoint, close } from './bare-endpoint.ts';
import { BARE_KOFFI } from './bare-koffi.ts';
import { confineEnds } from './processors.ts';

const ECHO = new URL('./echo.js', import.meta.url);
const BARE_ECHO = new URL('./bare-echo.js', import.meta.url);

const BLOCKING = 'fdchannel, blocking';
const ASYNC = 'fdchannel, async';
const CHILD_PROCESS = 'child_process.send';

/**
 * What a round trip costs: send, receive, close, there and back.
 *
 * Which processors the two ends run on matters more than what they do, and the scheduler changes its mind about that
 * within milliseconds: so the question is asked with and without the choice.
 *
 * @param processors how many the ends get, one for both or one each; as the scheduler likes without
 */
export function roundTrip(question: { name: string; title: string; processors?: 1 | 2 }): Question {
  const { name, title, processors } = question;
  return timed({
    name,
    title,
    goals: [
      { text: 'a blocking round trip against C', side: BLOCKING, base: 'C', atMost: 1.05 },
      { text: 'an async round trip against a blocking one', side: ASYNC, base: BLOCKING, atMost: 2.2 },
      { text: 'child_process.send against async', side: CHILD_PROCESS, base: ASYNC, atLeast: 4 },
    ],
    bases: ['C', BARE_KOFFI, BLOCKING, ASYNC],
    // The far ends have their compilers, too.
    budget: { warmUpNs: 300e6 },
    sides: async (bench) => {
      try {
        if (processors) confineEnds(processors);
      } catch (error) {
        bench.missing({ side: 'every side', reason: (error as Error).message });
        return [];
      }
      return [
        ...(await bench.peers('round-trip')),
        ...(await bench.peers('round-trip-loop')).map((side) => ({ ...side, name: 'C, poll(2)' })),
        await bareRoundTrip(BARE_KOFFI),
        await blockingRoundTrip(BLOCKING),
        await asyncRoundTrip(ASYNC),
        await workerRoundTrip('fdchannel, worker'),
      ];
    },
  });
}

/** koffi's own calls here and in a second process. */
async function bareRoundTrip(name: string): Promise<Side> {
  const endpoint = new BareEndpoint(await connectTo(BARE_ECHO), 'seqpacket');
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

/** Blocking calls here and in a second process. */
async function blockingRoundTrip(name: string): Promise<Side> {
  return blockingSide(name, newEndpoint(await connectTo(ECHO, 'blocking')));
}

/** Blocking calls here and in a worker thread. */
async function workerRoundTrip(name: string): Promise<Side> {
  const [near, far] = newConnectedSockets();
  const worker = new Worker(ECHO, { workerData: far });
  await once(worker, 'message');
  return blockingSide(name, newEndpoint(near));
}

/** The event loop here and in a second process. */
async function asyncRoundTrip(name: string): Promise<Side> {
  const endpoint = newEndpoint(await connectTo(ECHO, 'async'));
  const source = openSync('/dev/null', 'r');
  return localAsync({
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

function blockingSide(name: string, endpoint: Endpoint): Side {
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
