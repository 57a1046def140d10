import { closeSync, openSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import type { Libc } from '../libc/calls.ts';
import { redirect } from '../libc/polls.ts';
import { isNode } from './runtime.ts';

/**
 * Descriptors that a thread needs for itself and nobody else knows. In a worker they have to go with the thread,
 * however it ends: a socket whose duplicate stays open never ends for its peer.
 */
export class PrivateDescriptors {
  readonly #libc: Libc;
  readonly #keptByNode: Set<number> = new Set();
  #left = false;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** Whether some of them stay open at the thread's end unless they are closed before. */
  get stayOpen(): boolean {
    return this.#left;
  }

  /** A duplicate, close-on-exec. */
  duplicate(fd: number): number {
    if (isMainThread) return this.#libc.duplicate(fd);
    const kept = this.#openKept();
    if (kept === undefined) {
      this.#left = true;
      return this.#libc.duplicate(fd);
    }
    this.#keptByNode.add(kept);
    try {
      redirect(this.#libc, kept, fd);
    } catch (error) {
      this.close(kept);
      throw error;
    }
    return kept;
  }

  /** Takes a descriptor that was just made; its number may become another. */
  adopt(fd: number): number {
    if (isMainThread) return fd;
    try {
      return this.duplicate(fd);
    } finally {
      this.#libc.discard(fd);
    }
  }

  close(fd: number): void {
    if (!this.#keptByNode.delete(fd)) {
      this.#libc.discard(fd);
      return;
    }
    try {
      closeSync(fd);
    } catch {
      // Somebody else has closed it: there is nobody to be told.
    }
  }

  /**
   * A number that Node closes with the thread, whatever ends it: it does so with all that `fs.open` has opened in a
   * worker (the option `trackUnmanagedFds`). What it refers to is of no importance, so it is something that is
   * always there.
   */
  #openKept(): number | undefined {
    if (!isNode) return undefined;
    try {
      return openSync('/', 'r');
    } catch {
      // At the descriptor limit a duplicate fails as well. Node's permissions may forbid to read, and nothing else.
      return undefined;
    }
  }
}
