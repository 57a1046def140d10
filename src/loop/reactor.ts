import { setImmediate } from 'node:timers';
import { SyscallError } from '../errors.ts';
import type { Libc } from '../libc/calls.ts';
import { type Member, ThreadSet } from './thread-set.ts';

/** No event. */
const NOTHING = 0;
/** No descriptor, no key. */
const NONE = -1;
/** What the kernel says of a descriptor that is what it was, when it cannot watch it. */
const NO_ROOM = ['ENOSPC', 'ENOMEM'];

const sets: WeakMap<Libc, ThreadSet> = new WeakMap();

/** The set of the thread to which a libc belongs. */
function setOf(libc: Libc): ThreadSet {
  const existing = sets.get(libc);
  if (existing) return existing;
  const set = new ThreadSet(libc);
  sets.set(libc, set);
  return set;
}

/** Who waits for a socket. */
export interface Watcher {
  /**
   * Those of the wanted events are there: again in each turn of the loop, until they are gone or no longer wanted.
   * After an error or the end of the socket, all that is wanted.
   */
  onReady(events: number): void;
  /** The socket cannot be watched any more. The registration is closed by now. */
  onFail(error: unknown): void;
}

/**
 * One socket's place among those at which its thread's event loop looks.
 *
 * `want`, `watches`, `tellsNextTurn`, `keepAlive` and `close` are for whoever waits for the socket; the set calls the
 * others.
 */
export class Registration implements Member {
  readonly #set: ThreadSet;
  readonly #fd: number;
  readonly #watcher: Watcher;
  // A duplicate is watched: should somebody close the socket's number, the socket is still there to say so.
  #duplicate = NONE;
  #key = NONE;
  #watched = NOTHING;
  #wanted = NOTHING;
  #keepsAlive = true;
  #closed = false;

  /**
   * Makes nothing yet.
   *
   * @param fd a socket, borrowed, which is left as it is
   */
  constructor(libc: Libc, fd: number, watcher: Watcher, set: ThreadSet = setOf(libc)) {
    this.#set = set;
    this.#fd = fd;
    this.#watcher = watcher;
  }

  /**
   * Says what is waited for: POLLIN | POLLOUT, or 0.
   *
   * Events that are no longer wanted stay in the set until one comes. So a socket that is waited for again and again
   * costs no system call.
   *
   * @throws SyscallError when the socket cannot be watched; then nothing has changed
   */
  want(events: number): void {
    if (events === this.#wanted || this.#closed) return;
    if ((events & ~this.#watched) !== 0) this.#watch(this.#watched | events);
    this.#become(events, this.#keepsAlive);
  }

  /** Whether whoever wants these events would be told, even of what is there already, without a system call. */
  watches(events: number): boolean {
    return (this.#watched & events) === events;
  }

  /** The same, and whether the next turn of the loop would tell. */
  tellsNextTurn(events: number): boolean {
    return this.watches(events) && this.#set.looksEachTurn;
  }

  /** Decides whether the event loop stays alive while something is wanted, as it does from the beginning. */
  keepAlive(yes: boolean): void {
    if (yes !== this.#keepsAlive) this.#become(this.#wanted, yes);
  }

  /** Ends it: no event comes any more. A second time, it does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#become(NOTHING, this.#keepsAlive);
    this.#unwatch();
    this.release();
  }

  tell(events: number): void {
    const { POLLIN, POLLOUT, POLLNVAL } = this.#set.libc.abi;
    if ((events & POLLNVAL) !== 0) {
      this.lose();
      return;
    }
    const failed = (events & ~(POLLIN | POLLOUT)) !== 0;
    const ready = failed ? this.#wanted : this.#wanted & events;
    if (ready !== NOTHING) this.#call(ready);
    else if (this.#wanted === NOTHING) this.#unwatch();
    else this.#narrow();
  }

  tellUnasked(): boolean {
    const one = (this.#wanted & (this.#wanted - 1)) === 0;
    if (!one || this.#watched !== this.#wanted) return false;
    this.#call(this.#wanted);
    return true;
  }

  leave(): void {
    this.#key = NONE;
    this.#watched = NOTHING;
  }

  lose(): void {
    if (this.#duplicate === NONE) return;
    const watched = this.#key !== NONE;
    this.#set.disown(this.#duplicate);
    this.#duplicate = NONE;
    this.leave();
    // The set may go on looking at the socket, and no number is left by which to take it out.
    if (watched) this.#set.renew();
    this.rejoin();
  }

  release(): void {
    if (this.#duplicate === NONE) return;
    this.#set.disown(this.#duplicate);
    this.#set.descriptors.close(this.#duplicate);
    this.#duplicate = NONE;
  }

  rejoin(): void {
    if (this.#wanted === NOTHING || this.watches(this.#wanted)) return;
    try {
      this.#watch(this.#wanted);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    if (this.#wanted === NOTHING) return;
    this.close();
    try {
      this.#watcher.onFail(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  /** Has the set look for these events. */
  #watch(events: number): void {
    if (this.#set.postpones(this)) return;
    if (this.#key !== NONE) {
      this.#change(events);
      return;
    }
    const made = this.#duplicate === NONE;
    if (made) this.#duplicate = this.#set.duplicate(this, this.#fd);
    try {
      this.#key = this.#set.add(this, this.#duplicate, events);
    } catch (error) {
      // Only the kernel's lack of room leaves no doubt that an older duplicate is still what it was.
      if (made || isLackOfRoom(error)) this.release();
      else this.lose();
      throw error;
    }
    this.#watched = events;
  }

  #change(events: number): void {
    try {
      this.#set.change(this.#duplicate, this.#key, events);
    } catch (error) {
      this.lose();
      throw error;
    }
    this.#watched = events;
  }

  /** Has the set no longer look for what nobody wants. */
  #narrow(): void {
    try {
      this.#change(this.#wanted);
    } catch {
      // It was lost, and is watched by another duplicate.
    }
  }

  #unwatch(): void {
    if (this.#key === NONE) return;
    try {
      this.#set.remove(this.#duplicate, this.#key);
      this.leave();
    } catch {
      this.lose();
    }
  }

  #become(wanted: number, keepsAlive: boolean): void {
    const before = this.#wanted !== NOTHING;
    const after = wanted !== NOTHING;
    this.#set.count(
      Number(after) - Number(before),
      Number(after && keepsAlive) - Number(before && this.#keepsAlive),
    );
    this.#wanted = wanted;
    this.#keepsAlive = keepsAlive;
  }

  #call(events: number): void {
    try {
      this.#watcher.onReady(events);
    } catch (error) {
      throwLater(error);
    }
  }
}

/** What a callback throws is uncaught, and the others are told all the same. */
function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

function isLackOfRoom(error: unknown): boolean {
  return error instanceof SyscallError && NO_ROOM.includes(error.code);
}
