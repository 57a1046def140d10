import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers';
import { isMainThread } from 'node:worker_threads';
import type { Libc } from '../libc/calls.ts';
import { type Combination, forcedCombination, makeParts, type Parts } from './parts.ts';
import { PrivateDescriptors } from './private-descriptors.ts';

/** A socket of the set, as the set knows it. No method throws. */
export interface Member {
  /** Some of its events are there. */
  tell(events: number): void;
  /** Something is there, and nobody was asked what. @returns false when somebody has to be asked */
  tellUnasked(): boolean;
  /** It is no longer in the set, which is gone. */
  leave(): void;
  /** Its duplicate is somebody else's by now, or nobody's. */
  lose(): void;
  /** Its duplicate is closed. */
  release(): void;
  /** Has itself added again when somebody waits for it. */
  rejoin(): void;
  /** Tells whoever waits that nothing more is to come. */
  fail(error: unknown): void;
}

// A callback of the loop runs in the async context in which its handle was made. That must not be the context of
// whoever waits first: it would be everybody's, and be kept for good.
const outsideOfContexts = AsyncLocalStorage.snapshot();

/**
 * The sockets that one thread waits for, in one set, at which the thread's event loop looks. The set is made for the
 * first of them and stays for the next: to make it takes ten times as long as to add a socket. It holds one descriptor.
 */
export class ThreadSet {
  readonly libc: Libc;
  readonly descriptors: PrivateDescriptors;
  readonly #combination: Combination | undefined;
  /** By the number of their duplicates. */
  readonly #members: Map<number, Member> = new Map();
  /** Those in the set, by their keys. A key is never used again: an event of one who has left reaches nobody. */
  readonly #watched: Map<number, Member> = new Map();
  #parts: Parts | undefined;
  #lastKey = 0;
  #waiting = 0;
  #alive = 0;
  /** While the thread ends: who waits all the same. */
  #postponed: Set<Member> | undefined;

  /** @param combination by default the environment's, or the best one */
  constructor(libc: Libc, combination: Combination | undefined = forcedCombination()) {
    this.libc = libc;
    this.descriptors = new PrivateDescriptors(libc);
    this.#combination = combination;
  }

  /** Whether the set is looked at in each turn of the loop, and no thread has to tell first. */
  get looksEachTurn(): boolean {
    return this.#parts?.watch.eachTurn === true;
  }

  /** Makes the duplicate by which a socket is watched. */
  duplicate(member: Member, fd: number): number {
    const duplicate = this.descriptors.duplicate(fd);
    // Somebody else has closed the duplicate that had this number.
    this.#members.get(duplicate)?.lose();
    this.#members.set(duplicate, member);
    if (this.descriptors.stayOpen && !isMainThread) this.#closeAtExit();
    return duplicate;
  }

  /** Forgets a duplicate, which its member closes. */
  disown(duplicate: number): void {
    this.#members.delete(duplicate);
  }

  /**
   * Looks at a duplicate.
   *
   * @returns its key in the set
   * @throws SyscallError with nothing left behind
   */
  add(member: Member, duplicate: number, events: number): number {
    const made = this.#parts === undefined;
    const { set, watch } = this.#existingParts();
    const key = this.#lastKey + 1;
    try {
      set.add(duplicate, key, events);
    } catch (error) {
      if (made) this.#closeParts();
      throw error;
    }
    this.#lastKey = key;
    this.#watched.set(key, member);
    watch.changed();
    return key;
  }

  change(duplicate: number, key: number, events: number): void {
    const { set, watch } = this.#existingParts();
    set.change(duplicate, key, events);
    watch.changed();
  }

  remove(duplicate: number, key: number): void {
    this.#watched.delete(key);
    this.#parts?.set.remove(duplicate, key);
    this.#parts?.watch.changed();
  }

  /**
   * Counts who waits.
   *
   * @param waiting the difference in members that wait for something
   * @param alive the difference in those of them that keep the event loop alive
   */
  count(waiting: number, alive: number): void {
    const [waited, kept] = [this.#waiting > 0, this.#alive > 0];
    this.#waiting += waiting;
    this.#alive += alive;
    const waits = this.#waiting > 0;
    const keeps = this.#alive > 0;
    if (waits !== waited) {
      if (waits) this.#parts?.watch.look();
      else this.#parts?.watch.rest();
    }
    if (keeps !== kept) this.#parts?.watch.keepAlive(keeps);
  }

  /** Whether the thread ends: then nothing is looked at any more, unless it goes on after all. */
  postpones(member: Member): boolean {
    this.#postponed?.add(member);
    return this.#postponed !== undefined;
  }

  /** Makes the set anew: it may look at something that nobody can take out of it. */
  renew(): void {
    for (const member of this.#closeParts()) member.rejoin();
  }

  /** Closes the set. What waits, waits for ever. */
  close(): void {
    this.#closeParts();
    for (const member of [...this.#members.values()]) member.release();
    process.off('exit', this.#atExit);
  }

  #existingParts(): Parts {
    if (this.#parts) return this.#parts;
    const { libc, descriptors } = this;
    const owner = { libc, descriptors, serve: this.#serve, fail: this.#fail };
    this.#parts = outsideOfContexts(makeParts, owner, this.#combination);
    if (this.#waiting > 0) this.#parts.watch.look();
    if (this.#alive > 0) this.#parts.watch.keepAlive(true);
    return this.#parts;
  }

  /** @returns who was in the set */
  #closeParts(): Member[] {
    const members = [...this.#watched.values()];
    this.#watched.clear();
    this.#parts?.close();
    this.#parts = undefined;
    for (const member of members) member.leave();
    return members;
  }

  /** Tells the members what is there. */
  readonly #serve = (): void => {
    const set = this.#parts?.set;
    if (!set) return;
    // The only one in the set is ready when the set is.
    if (this.#watched.size === 1 && this.#waiting === 1 && !set.interrupted) {
      for (const member of this.#watched.values()) if (member.tellUnasked()) return;
    }
    let count: number;
    try {
      count = set.ask();
    } catch (error) {
      this.#fail(error);
      return;
    }
    // Whoever is told may close others, and make the set anew: the answers stay.
    for (let i = 0; i < count; i++) this.#watched.get(set.keyAt(i))?.tell(set.eventsAt(i));
  };

  readonly #fail = (error: unknown): void => {
    for (const member of this.#closeParts()) member.fail(error);
  };

  #closeAtExit(): void {
    if (!process.listeners('exit').includes(this.#atExit)) process.on('exit', this.#atExit);
  }

  readonly #atExit = (): void => {
    const waiting = new Set(this.#closeParts());
    for (const member of [...this.#members.values()]) member.release();
    this.#postponed = waiting;
    // Somebody may only have emitted the event.
    setImmediate(() => {
      this.#postponed = undefined;
      for (const member of waiting) member.rejoin();
    });
  };
}
