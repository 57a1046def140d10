import type { Libc } from '../libc/calls.ts';

/** More descriptors than a process may have on most systems. */
const MOST = 2 ** 20;
const HEAD_BYTES = 8;
const POLLFD_BYTES = 8;

/** What es2024 has of it. Its memory does not move when it grows. */
interface GrowableMemory extends SharedArrayBuffer {
  grow(bytes: number): void;
}
const Growable = SharedArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => GrowableMemory;

/**
 * An array of `pollfd` that threads share, behind their count. One thread writes it; those that only poll need no
 * more than its memory, and see an entry at worst half changed.
 */
export class PollArray {
  readonly memory: SharedArrayBuffer;
  /** Where the first entry lies. */
  readonly address: number;
  readonly #growable: GrowableMemory;
  readonly #words: Int32Array;
  readonly #halves: Int16Array;

  /** @param room for how many entries; it grows when there are more */
  constructor(libc: Libc, room: number) {
    this.#growable = new Growable(bytesOf(room), { maxByteLength: bytesOf(Math.max(room, MOST)) });
    this.memory = this.#growable;
    this.#words = new Int32Array(this.memory);
    this.#halves = new Int16Array(this.memory);
    this.address = libc.raw.address(new Uint8Array(this.memory)) + HEAD_BYTES;
  }

  get count(): number {
    return Atomics.load(this.#words, 0);
  }

  set count(count: number) {
    if (bytesOf(count) > this.memory.byteLength) this.#growable.grow(bytesOf(2 * count));
    Atomics.store(this.#words, 0, count);
  }

  fdAt(index: number): number {
    return this.#words[wordOf(index)] as number;
  }

  /** What poll(2) has seen. */
  reventsAt(index: number): number {
    return this.#halves[2 * wordOf(index) + 3] as number;
  }

  eventsAt(index: number): number {
    return this.#halves[2 * wordOf(index) + 2] as number;
  }

  put(index: number, fd: number, events: number): void {
    this.#words[wordOf(index)] = fd;
    this.#halves[2 * wordOf(index) + 2] = events;
  }
}

/** Where in 32-bit words. Every platform's pollfd has its fd first, then the events, then what was seen. */
function wordOf(index: number): number {
  return (HEAD_BYTES + index * POLLFD_BYTES) / 4;
}

function bytesOf(count: number): number {
  return HEAD_BYTES + count * POLLFD_BYTES;
}
