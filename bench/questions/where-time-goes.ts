import { closeFD } from '../../src/index.ts';
import { stack } from '../harness/layers.ts';
import { local } from '../harness/local.ts';
import type { Bench, Question, Side } from '../harness/question.ts';
import { calls, close } from '../sides/bare-endpoint.ts';
import { BARE_KOFFI, bareChannel, barePass, bareWouldBlock } from '../sides/bare-koffi.ts';
import { channel, FDCHANNEL, pass, wouldBlock } from '../sides/fdchannel.ts';

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

/** What is timed: by koffi's own calls, and by the library. In C, the operation of the same name. */
type Pair = readonly [bare: (name: string) => Side, library: (name: string) => Side];
const OPERATIONS: Readonly<Record<string, Pair>> = {
  pass: [barePass, pass],
  send: [step('send', bareSteps), step('send', librarySteps)],
  receive: [step('receive', bareSteps), step('receive', librarySteps)],
  close: [step('close', bareSteps), step('close', librarySteps)],
  'would-block': [bareWouldBlock, wouldBlock],
};

const question: Question = {
  name: 'where-time-goes',
  title: 'Where the time goes: the system calls in C, in a process with threads, through koffi, in fdchannel',
  async measure(bench) {
    await bench.compare(await bench.attempt('abs(0) by koffi', bareCall), {
      metric: 'time of a bare FFI call',
    });
    for (const [operation, pair] of Object.entries(OPERATIONS)) {
      if (bench.stopped) return;
      await layersOf(bench, operation, pair);
    }
  },
};
export default question;

async function layersOf(bench: Bench, operation: string, [bare, library]: Pair): Promise<void> {
  await stack(bench, operation, LAYERS, [
    ...(await bench.floor(operation)),
    ...(await bench.floor(`${operation}-threaded`, THREADED)),
    ...(await bench.attempt(BARE_KOFFI, bare)),
    library(FDCHANNEL),
  ]);
}

function bareCall(name: string): Side {
  const { abs } = calls();
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) abs(0);
    },
  });
}

/** The steps of a pass, each over many descriptors in a loop of its own. */
interface Steps {
  send(count: number): void;
  /** Receives, and keeps what it received for `release`. */
  receive(count: number): void;
  /** Closes the last that were received. */
  release(count: number): void;
  close(): void;
}

/** How many descriptors are sent before they are received: fewer packets than a socket holds. */
const CHUNK = 200;

/** Which step is timed, and what prepares it and clears up after it untimed. */
const STEPS = {
  send: ({ send, receive, release }: Steps) => ({
    run: send,
    after(count: number) {
      receive(count);
      release(count);
    },
  }),
  receive: ({ send, receive, release }: Steps) => ({ before: send, run: receive, after: release }),
  close: ({ send, receive, release }: Steps) => ({
    before(count: number) {
      send(count);
      receive(count);
    },
    run: release,
  }),
};

function step(operation: keyof typeof STEPS, stepsOf: () => Steps): (name: string) => Side {
  return (name) => {
    const steps = stepsOf();
    return local({ name, chunk: CHUNK, ...STEPS[operation](steps), close: steps.close });
  };
}

function bareSteps(): Steps {
  const channel = bareChannel();
  const { near, far, source } = channel;
  const received = new Int32Array(CHUNK);
  let held = 0;
  return {
    send(count) {
      for (let i = 0; i < count; i++) near.send(source);
    },
    receive(count) {
      for (let i = 0; i < count; i++) received[held++] = far.receive();
    },
    release(count) {
      for (let i = 0; i < count; i++) close(received[--held] as number);
    },
    close: channel.close,
  };
}

function librarySteps(): Steps {
  const { near, far, source, close } = channel();
  const received = new Int32Array(CHUNK);
  let held = 0;
  return {
    send(count) {
      for (let i = 0; i < count; i++) near.sendFD(source);
    },
    receive(count) {
      for (let i = 0; i < count; i++) received[held++] = far.recvFD();
    },
    release(count) {
      for (let i = 0; i < count; i++) closeFD(received[--held] as number);
    },
    close,
  };
}
