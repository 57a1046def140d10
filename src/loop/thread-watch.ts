import { setImmediate } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { koffiPath } from '../libc/binding.ts';
import type { Libc } from '../libc/calls.ts';
import { placeholder } from '../libc/polls.ts';
import type { PollArray } from './poll-array.ts';

/** The helper begins. */
const START = 0;
/** Nobody waits: the helper sleeps. */
const REST = 1;
/** The helper polls. */
const LOOK = 2;
/** The helper has found something, and sleeps until it was dealt with. */
const FOUND = 3;
/** The helper shall end. */
const END = 4;

/** How long a helper may take to begin, in milliseconds. Nobody waits longer for it. */
const PATIENCE = 1000;

/** More descriptors than a thread of any runtime opens for itself. */
const DESCRIPTORS = 10;

/** A thread in a system call cannot be ended before the call returns: so long at most, in milliseconds. */
const SLICE = 100;

/**
 * The helper. A text, because it has to be there wherever this module is: in TypeScript, compiled, in a bundle. It
 * takes the path of koffi, as the text is in no folder from which a name could be looked up.
 */
const HELPER = /* js */ `'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const { koffi, prototype, memory, address, state } = workerData;
const count = new Int32Array(memory, 0, 1);
let poll;
try {
  poll = require(koffi).load(null).func(prototype);
} finally {
  Atomics.compareExchange(state, 0, ${START}, ${REST});
  Atomics.notify(state, 0);
}
for (let now; (now = Atomics.load(state, 0)) !== ${END}; ) {
  if (now !== ${LOOK}) Atomics.wait(state, 0, now);
  else if (poll(address, Atomics.load(count, 0), ${SLICE}) !== 0) {
    if (Atomics.compareExchange(state, 0, ${LOOK}, ${FOUND}) === ${LOOK}) parentPort.postMessage(0);
  }
}
process.exit();
`;

/**
 * Throws EMFILE when there is no room for so many descriptors: a thread that finds none dies without a word that
 * could be heard in here.
 */
function requireRoom(libc: Libc, count: number): void {
  const made: number[] = [];
  try {
    const first = placeholder(libc);
    made.push(first);
    while (made.length < count) made.push(libc.duplicate(first));
  } finally {
    for (const fd of made) libc.discard(fd);
  }
}

/**
 * A thread that polls an array for this thread, and posts a message when something is ready. It says so once, and
 * polls on when that was dealt with: what stays ready costs one message for each turn of the loop.
 */
export class ThreadWatch {
  readonly eachTurn: boolean = false;
  readonly #state: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  readonly #interrupt: () => void;
  readonly #serve: () => void;
  readonly #fail: (error: unknown) => void;
  readonly #worker: Worker;
  #waits = false;

  /**
   * @param interrupt has a poll(2) return that looks at the array as it was
   * @param serve deals with what is ready
   * @param fail is called when the helper has ended, and nothing more is to come
   * @throws SyscallError `EMFILE`, and what `new Worker` throws, with nothing left behind
   */
  constructor(
    libc: Libc,
    array: PollArray,
    interrupt: () => void,
    serve: () => void,
    fail: (error: unknown) => void,
  ) {
    this.#interrupt = interrupt;
    this.#serve = serve;
    this.#fail = fail;
    requireRoom(libc, DESCRIPTORS);
    this.#worker = new Worker(HELPER, {
      eval: true,
      name: 'fdchannel',
      // Nothing that the application is started with belongs into this thread.
      execArgv: [],
      env: {},
      workerData: {
        koffi: koffiPath(),
        prototype: `int poll(uintptr_t fds, ${libc.abi.nfds_t} nfds, int timeout)`,
        memory: array.memory,
        address: array.address,
        state: this.#state,
      },
    });
    this.#worker.on('message', this.#found);
    this.#worker.on('error', this.#ended);
    this.#worker.on('exit', this.#exited);
    this.#worker.unref();
    // koffi aborts the process when a thread is ended that just loads it. The helper is ended with this thread, so
    // this thread goes on when that is over.
    Atomics.wait(this.#state, 0, START, PATIENCE);
    Atomics.compareExchange(this.#state, 0, START, REST);
  }

  /** Somebody waits. */
  look(): void {
    this.#waits = true;
    if (Atomics.compareExchange(this.#state, 0, REST, LOOK) === REST) Atomics.notify(this.#state, 0);
  }

  /** Nobody waits. A poll(2) that went on would hold the sockets, and not see those of whoever waits next. */
  rest(): void {
    this.#waits = false;
    if (Atomics.compareExchange(this.#state, 0, LOOK, REST) === LOOK) this.#interrupt();
  }

  /** A poll(2) goes by the array as it was; on Linux it holds its sockets, which do not end before it does. */
  changed(): void {
    if (Atomics.load(this.#state, 0) === LOOK) this.#interrupt();
  }

  keepAlive(yes: boolean): void {
    if (yes) this.#worker.ref();
    else this.#worker.unref();
  }

  close(): void {
    Atomics.store(this.#state, 0, END);
    Atomics.notify(this.#state, 0);
    this.#worker.unref();
  }

  readonly #found = (): void => {
    if (this.#closed) return;
    this.#serve();
    // Only in the next turn: Node takes a message that comes meanwhile in this one, and the next after that.
    setImmediate(this.#goOn);
  };

  readonly #goOn = (): void => {
    if (this.#closed) return;
    Atomics.store(this.#state, 0, this.#waits ? LOOK : REST);
    Atomics.notify(this.#state, 0);
  };

  readonly #ended = (error: unknown): void => {
    if (this.#closed) return;
    this.close();
    this.#fail(error);
  };

  readonly #exited = (code: number): void => {
    this.#ended(new Error(`the thread that polls for this one has ended with code ${code}`));
  };

  get #closed(): boolean {
    return Atomics.load(this.#state, 0) === END;
  }
}
