import type { Libc } from '../libc/calls.ts';
import { Memory } from '../libc/memory.ts';
import { epollControl, epollReady } from '../libc/polls.ts';

/** How many ready sockets one question names; the kernel names the others the next time. */
const MOST = 64;
const WORD = 4;
const HIGH = 2 ** 32;

/** Sockets that an epoll(7) instance watches, each under a key of its own. */
export class EpollSet {
  /** Whoever watches it sees a change at once. */
  readonly interrupted: boolean = false;
  readonly #libc: Libc;
  readonly #fd: number;
  /** The answers, and behind them the one event that is asked for. */
  readonly #memory: Memory;
  // In words.
  readonly #size: number;
  readonly #data: number;

  /** @param fd the instance, borrowed */
  constructor(libc: Libc, fd: number) {
    const { epoll_event } = libc.layout;
    if (!epoll_event) throw new Error('there is no epoll(7) here');
    this.#libc = libc;
    this.#fd = fd;
    this.#memory = new Memory(libc.raw, new ArrayBuffer((MOST + 1) * epoll_event.size));
    this.#size = epoll_event.size / WORD;
    this.#data = epoll_event.offset.data / WORD;
  }

  /** @param events those of poll(2) */
  add(fd: number, key: number, events: number): void {
    this.#control(this.#libc.abi.EPOLL_CTL_ADD, fd, key, events);
  }

  change(fd: number, key: number, events: number): void {
    this.#control(this.#libc.abi.EPOLL_CTL_MOD, fd, key, events);
  }

  remove(fd: number, key: number): void {
    this.#control(this.#libc.abi.EPOLL_CTL_DEL, fd, key, 0);
  }

  /**
   * Asks which sockets are ready, without waiting. The kernel puts the named ones behind the others in its list.
   *
   * @returns how many {@link keyAt} and {@link eventsAt} tell of
   */
  ask(): number {
    return epollReady(this.#libc, this.#fd, this.#memory.address, MOST);
  }

  keyAt(index: number): number {
    const { words } = this.#memory;
    const at = index * this.#size + this.#data;
    return ((words[at] as number) >>> 0) + (words[at + 1] as number) * HIGH;
  }

  eventsAt(index: number): number {
    return this.#memory.words[index * this.#size] as number;
  }

  #control(op: number, fd: number, key: number, events: number): void {
    const { address, words } = this.#memory;
    const at = MOST * this.#size;
    words[at] = events;
    words[at + this.#data] = key;
    words[at + this.#data + 1] = key / HIGH;
    epollControl(this.#libc, this.#fd, op, fd, address + at * WORD);
  }
}
