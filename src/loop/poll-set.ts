import type { Libc } from '../libc/calls.ts';
import { MessageBuffer } from '../libc/message-buffer.ts';
import { pollReady } from '../libc/polls.ts';
import { socketpair } from '../libc/sockets.ts';
import { PollArray } from './poll-array.ts';
import type { PrivateDescriptors } from './private-descriptors.ts';

/** How many ready sockets one question names; the others are looked at first the next time. */
const MOST = 64;
const ROOM = 64;
/** The entry that is there to interrupt whoever polls. */
const INTERRUPT = 0;

/** Sockets in an array for poll(2), each under a key of its own. */
export class PollSet {
  readonly array: PollArray;
  readonly #libc: Libc;
  readonly #descriptors: PrivateDescriptors;
  readonly #keys: number[] = [0];
  readonly #places: Map<number, number> = new Map();
  readonly #readyKeys: number[] = [];
  readonly #readyEvents: number[] = [];
  #from = INTERRUPT + 1;

  // A byte that is sent to the one end makes the other, which is polled, readable.
  readonly #listener: number;
  readonly #interrupts: number;
  readonly #byte: MessageBuffer;
  #interrupted = false;

  constructor(libc: Libc, descriptors: PrivateDescriptors) {
    this.#libc = libc;
    this.#descriptors = descriptors;
    this.#byte = new MessageBuffer(libc, 1, 0);
    const [one, other] = socketpair(libc, 'stream');
    try {
      this.#listener = descriptors.adopt(one);
    } catch (error) {
      libc.discard(other);
      throw error;
    }
    try {
      this.#interrupts = descriptors.adopt(other);
    } catch (error) {
      descriptors.close(this.#listener);
      throw error;
    }
    this.array = new PollArray(libc, ROOM);
    this.array.count = 1;
    this.array.put(INTERRUPT, this.#listener, libc.abi.POLLIN);
  }

  /** @param events those of poll(2) */
  add(fd: number, key: number, events: number): void {
    const place = this.array.count;
    this.#keys[place] = key;
    this.#places.set(key, place);
    this.array.count = place + 1;
    this.array.put(place, fd, events);
  }

  change(fd: number, key: number, events: number): void {
    this.array.put(this.#places.get(key) as number, fd, events);
  }

  /** The last entry takes its place. */
  remove(_fd: number, key: number): void {
    const { array } = this;
    const place = this.#places.get(key) as number;
    const last = array.count - 1;
    const moved = this.#keys.pop() as number;
    if (place !== last) {
      array.put(place, array.fdAt(last), array.eventsAt(last));
      this.#keys[place] = moved;
      this.#places.set(moved, place);
    }
    this.#places.delete(key);
    array.count = last;
  }

  /** Asks which sockets are ready. @returns how many {@link keyAt} and {@link eventsAt} tell of */
  ask(): number {
    const { array } = this;
    const { count } = array;
    let left = pollReady(this.#libc, array.address, count);
    if (array.reventsAt(INTERRUPT) !== 0) {
      left--;
      this.#libc.recvmsg(this.#listener, this.#byte.address, this.#libc.abi.MSG_DONTWAIT);
      this.#interrupted = false;
    }
    let found = 0;
    for (let looked = 1; looked < count && found < left && found < MOST; looked++) {
      if (this.#from >= count) this.#from = INTERRUPT + 1;
      const place = this.#from++;
      const events = array.reventsAt(place);
      if (events === 0) continue;
      this.#readyKeys[found] = this.#keys[place] as number;
      this.#readyEvents[found] = events;
      found++;
    }
    return found;
  }

  keyAt(index: number): number {
    return this.#readyKeys[index] as number;
  }

  eventsAt(index: number): number {
    return this.#readyEvents[index] as number;
  }

  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** Has whoever polls the array look at it anew: the kernel goes by what it was at the call. */
  interrupt(): void {
    if (this.#interrupted) return;
    this.#interrupted = true;
    this.#libc.sendmsg(this.#interrupts, this.#byte.address, this.#libc.abi.MSG_DONTWAIT);
  }

  close(): void {
    this.#descriptors.close(this.#listener);
    this.#descriptors.close(this.#interrupts);
  }
}
