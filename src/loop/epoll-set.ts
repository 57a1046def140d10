import type { Libc } from '../libc/calls.ts';

/** How many ready sockets one question names; the kernel names the others the next time. */
const MOST = 64;
const WORD = 4;
const HIGH = 2 ** 32;

/** Sockets that an epoll(7) instance looks at, each under a key of its own. */
export class EpollSet {
  readonly #libc: Libc;
  readonly #fd: number;
  // The answers, and behind them the one event that is asked for. They are referenced for as long as the address is.
  readonly #words: Uint32Array;
  readonly #address: number;
  readonly #size: number;
  readonly #data: number;

  /** @param fd the instance, borrowed */
  constructor(libc: Libc, fd: number) {
    const { epoll_event } = libc.layout;
    if (!epoll_event) throw new Error('there is no epoll(7) here');
    this.#libc = libc;
    this.#fd = fd;
    const memory = new ArrayBuffer((MOST + 1) * epoll_event.size);
    this.#words = new Uint32Array(memory);
    this.#address = libc.address(memory);
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
   * Asks which sockets are ready. The sockets that were named once stand behind the others in the kernel's list.
   *
   * @returns how many {@link keyAt} and {@link eventsAt} tell of
   */
  ask(): number {
    return this.#libc.epollReady(this.#fd, this.#address, MOST);
  }

  keyAt(index: number): number {
    const at = index * this.#size + this.#data;
    return (this.#words[at] as number) + (this.#words[at + 1] as number) * HIGH;
  }

  eventsAt(index: number): number {
    return this.#words[index * this.#size] as number;
  }

  #control(op: number, fd: number, key: number, events: number): void {
    const at = MOST * this.#size;
    this.#words[at] = events;
    this.#words[at + this.#data] = key;
    this.#words[at + this.#data + 1] = key / HIGH;
    this.#libc.epollControl(this.#fd, op, fd, this.#address + at * WORD);
  }
}
