import { setImmediate } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { koffiPath } from '../libc/binding.ts';
import type { Libc } from '../libc/calls.ts';
import type { PollArray } from './poll-array.ts';

/** Nobody waits: the helper sleeps. */
const REST = 0;
/** The helper polls. */
const LOOK = 1;
/** The helper has found something, and sleeps until it was dealt with. */
const FOUND = 2;
/** The helper shall end. */
const END = 3;

/** A thread in a system call cannot be ended before the call returns: so long at most, in milliseconds. */
const SLICE = 100;

/**
 * The helper. A text, because it has to be there wherever this module is: in TypeScript, compiled, in a bundle. It
 * takes the path of koffi, as the text is in no folder from which a name could be looked up.
 */
const HELPER = /* js */ `'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const { koffi, prototype, memory, address, state } = workerData;
const poll = require(koffi).load(null).func(prototype);
const count = new Int32Array(memory, 0, 1);
for (let now; (now = Atomics.load(state, 0)) !== ${END}; ) {
  if (now !== ${LOOK}) Atomics.wait(state, 0, now);
  else if (poll(address, Atomics.load(count, 0), ${SLICE}) !== 0) {
    if (Atomics.compareExchange(state, 0, ${LOOK}, ${FOUND}) === ${LOOK}) parentPort.postMessage(0);
  }
}
process.exit();
`;

/**
 * A thread that polls an array for this thread, and posts a message when something is ready. It says so once, and
 * polls on when that was dealt with: what stays ready costs one message for each turn of the loop.
 */
export class ThreadWatch {
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
  }

  /** Somebody waits, for more than before. */
  look(): void {
    this.#waits = true;
    const before = Atomics.compareExchange(this.#state, 0, REST, LOOK);
    if (before === REST) Atomics.notify(this.#state, 0);
    else if (before === LOOK) this.#interrupt();
  }

  /** Nobody waits. */
  rest(): void {
    this.#waits = false;
    Atomics.compareExchange(this.#state, 0, LOOK, REST);
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
