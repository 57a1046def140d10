import type { Libc } from '../libc/calls.ts';

/** Descriptors that came and that nobody has taken, in the order in which they came. */
export class Unclaimed {
  readonly #libc: Libc;
  #arrivals: number[][] = [];
  #size = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  add(fds: number[]): void {
    this.#arrivals.push(fds);
    this.#size += fds.length;
  }

  /** Those that came together and first, which the caller owns. */
  shift(): number[] | undefined {
    const fds = this.#arrivals.shift();
    if (fds) this.#size -= fds.length;
    return fds;
  }

  /** The first of them, which the caller owns. */
  take(most: number): number[] {
    const all = this.#arrivals.flat();
    const taken = all.slice(0, most);
    const rest = all.slice(most);
    this.#arrivals = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    return taken;
  }

  /** Closes all of them. */
  close(): void {
    for (const fd of this.take(this.#size)) this.#libc.discard(fd);
  }
}
