import { setTimeout as delay } from 'node:timers/promises';
import { closeFD, Endpoint } from '../../src/index.ts';
import { type Identity, identity, isOpen, sameFile } from '../support/descriptors.ts';
import { startWorker, type Thread } from '../support/threads.ts';
import type { Command, Finish, RemoteOptions, Report } from './command.ts';
import type { EndName } from './history.ts';
import { RemoteHost } from './host.ts';

/** How long a worker may take to close what it has, in milliseconds. */
const ENDING = 2000;

/** A worker thread. Its descriptors are those of this process. */
export class WorkerHost extends RemoteHost {
  readonly place = 'worker';
  readonly #thread: Thread;
  readonly #sockets = new Map<number, Identity>();

  private constructor(thread: Thread) {
    super();
    this.#thread = thread;
    void this.#listen();
  }

  /** It has opened what a thread opens only once. */
  static async start(options: RemoteOptions): Promise<WorkerHost> {
    const host = new WorkerHost(await startWorker('../model/remote.ts', options));
    await host.ready;
    return host;
  }

  async begin(end: EndName, row: string, socket: number): Promise<void> {
    this.#sockets.set(socket, identity(socket));
    this.post({ do: 'begin', end, row, socket });
  }

  override async finish(): Promise<readonly string[]> {
    const left = await super.finish();
    this.#sockets.clear();
    return left;
  }

  async end(): Promise<void> {
    // A thread that is blocked in a call on its socket ends only when that returns.
    for (const socket of this.#open()) {
      const endpoint = new Endpoint(socket);
      endpoint.shutdown();
      endpoint.detach();
    }
    // What ends by itself leaves nothing open.
    await Promise.race([this.finish(), delay(ENDING)]);
    this.over = true;
    await this.#thread.worker.terminate();
    for (const socket of this.#open()) closeFD(socket);
    this.#sockets.clear();
  }

  protected post(message: Command | Finish): void {
    this.#thread.worker.postMessage(message);
  }

  async #listen(): Promise<void> {
    try {
      for (;;) this.onReport((await this.#thread.next()) as Report);
    } catch {
      this.lose(await this.#thread.exit.then((code) => `a worker has ended (${code})`, String));
    }
  }

  /** The sockets of its ends that are still open, and no others that have got the same number. */
  #open(): number[] {
    return [...this.#sockets].flatMap(([fd, was]) => (isOpen(fd) && sameFile(fd, was) ? [fd] : []));
  }
}
