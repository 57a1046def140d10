import type { RemoteOptions } from './command.ts';
import type { Footprint } from './footprint.ts';
import type { Place } from './history.ts';
import { type Host, MainHost } from './host.ts';
import { ProcessHost } from './process-host.ts';
import { makeDirectory, removeDirectory, TagFiles } from './tags.ts';
import { warmUp } from './warm-up.ts';
import { WorkerHost } from './worker-host.ts';

/** Threads and processes, which are kept from one history to the next. */
export class Pool {
  readonly #directory: string;
  readonly #main: Host;
  readonly #idle: Record<Exclude<Place, 'main'>, Host[]> = { worker: [], process: [], limited: [] };
  /** Why hosts have ended that nobody used. */
  readonly lost: string[] = [];
  /** What was thrown, or rejected, and nobody has handled. */
  readonly strays: unknown[] = [];
  readonly #onStray = (stray: unknown): void => void this.strays.push(stray);
  /** What this process holds between two histories; undefined when that has changed. */
  footprint: Footprint | undefined;
  /** How many workers and processes were started. */
  started = 0;

  private constructor(directory: string, files: TagFiles) {
    this.#directory = directory;
    this.#main = new MainHost(files);
    process.on('unhandledRejection', this.#onStray);
  }

  static async open(): Promise<Pool> {
    const directory = makeDirectory();
    const files = new TagFiles(directory);
    await warmUp(files);
    return new Pool(directory, files);
  }

  /** Lends a host. It has to be given back by {@link giveBack} or {@link end}. */
  async borrow(place: Place): Promise<Host> {
    if (place === 'main') return this.#main;
    const idle = this.#idle[place].pop();
    if (idle) return idle;
    this.started++;
    this.footprint = undefined;
    const options: RemoteOptions = { directory: this.#directory };
    return place === 'worker' ? await WorkerHost.start(options) : new ProcessHost(place, options);
  }

  /** Takes back a host that is as good as new. */
  giveBack(host: Host): void {
    host.onAnswers = () => {};
    host.onLoss = (why) => this.lost.push(why);
    if (host.place !== 'main') this.#idle[host.place].push(host);
  }

  /** Ends all threads and processes. */
  async close(): Promise<void> {
    const idle = Object.values(this.#idle).flatMap((hosts) => hosts.splice(0));
    await Promise.all(idle.map((host) => host.end()));
    removeDirectory(this.#directory);
    process.off('unhandledRejection', this.#onStray);
  }
}

/** Runs the body with threads and processes of its own, and ends them. */
export async function withPool<T>(body: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = await Pool.open();
  try {
    return await body(pool);
  } finally {
    await pool.close();
  }
}
