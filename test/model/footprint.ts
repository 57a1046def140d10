import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isNode } from '../../src/loop/runtime.ts';
import { changes, type Identity, openDescriptors } from '../support/descriptors.ts';

const THREADS = '/proc/self/task';

/** How long something may take to be closed that Node closes behind our back, in milliseconds. */
export const CLOSING = 3000;

/** What a thread or a process holds at some moment, to be compared with what it holds later. */
export class Footprint {
  /** Undefined in a worker, whose descriptors are the process's. */
  readonly #descriptors: Map<number, Identity> | undefined;
  readonly #counts: ReadonlyMap<string, number>;

  private constructor(process: boolean) {
    this.#descriptors = process ? openDescriptors() : undefined;
    this.#counts = counts(process);
  }

  static ofProcess(): Footprint {
    return new Footprint(true);
  }

  static ofThread(): Footprint {
    return new Footprint(false);
  }

  /** How many descriptors were open. */
  get size(): number {
    return this.#descriptors?.size ?? 0;
  }

  /** Forgets descriptors that went with something else. */
  forget(fds: Iterable<number>): void {
    for (const fd of fds) this.#descriptors?.delete(fd);
  }

  /** What was left behind since then. Closing may take a turn of the loop or more. */
  async left(patience: number = CLOSING): Promise<string[]> {
    const end = performance.now() + patience;
    for (let wait = 0; ; wait = 5) {
      const found = this.#compare();
      if (found.length === 0 || performance.now() > end) return found;
      await delay(wait);
    }
  }

  #compare(): string[] {
    const now = counts(this.#descriptors !== undefined);
    const more = [...now].flatMap(([what, count]) => {
      const before = this.#counts.get(what) ?? 0;
      return count > before ? [`${count} ${what}, and ${before} before`] : [];
    });
    if (this.#descriptors === undefined) return more;
    return [
      ...changes(this.#descriptors, openDescriptors()).map((change) => `descriptor ${change}`),
      ...more,
    ];
  }
}

/** How many of each there are: listeners of the process, what keeps the loop alive, threads. */
function counts(ofProcess: boolean): Map<string, number> {
  const found = new Map<string, number>();
  const add = (what: string, count = 1): void => void found.set(what, (found.get(what) ?? 0) + count);
  for (const event of process.eventNames()) {
    add(`listeners of the process on ${String(event)}`, process.listenerCount(event));
  }
  for (const resource of process.getActiveResourcesInfo()) {
    // What the comparison itself waits with.
    if (resource !== 'Immediate' && resource !== 'Timeout') add(`active ${resource}`);
  }
  // Other runtimes start threads when they like.
  if (ofProcess && isNode && existsSync(THREADS)) add('threads', readdirSync(THREADS).length);
  return found;
}
