import { ChannelError, sentBefore } from '../errors.ts';
import type { Libc } from '../libc/calls.ts';
import type { DescriptorSender } from './descriptor-sender.ts';
import type { Waiting } from './wait.ts';

/** Descriptors that go one after the other, with nothing in between, though not all at once. */
export class OutgoingBatch implements Waiting<true> {
  readonly #libc: Libc;
  readonly #sender: DescriptorSender;
  readonly #fds: Int32Array;
  readonly #count: number;
  #sent: number;
  /** The first duplicate among the descriptors; all behind it are duplicates, too. */
  #held: number;

  /**
   * @param fds borrowed until {@link hold}; the array belongs to the batch
   * @param count how many of them there are
   * @param sent how many of them have been sent before
   */
  constructor(libc: Libc, sender: DescriptorSender, fds: Int32Array, count: number, sent = 0) {
    this.#libc = libc;
    this.#sender = sender;
    this.#fds = fds;
    this.#count = count;
    this.#sent = sent;
    this.#held = count;
  }

  /** How many have been sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether some were sent, and some are left. */
  get begun(): boolean {
    return this.#sent > 0;
  }

  /** Sends what there is room for; undefined while something is left. */
  attempt(flags: number): true | undefined {
    this.#sent = this.#sender.many(this.#fds, this.#count, this.#sent, flags);
    this.#letGo(this.#sent);
    return this.#sent === this.#count ? true : undefined;
  }

  /**
   * Puts duplicates in the place of what has not been sent.
   *
   * @throws SyscallError of the duplicate, with the number of those that have been sent
   */
  hold(): this {
    const first = this.#sent;
    let next = first;
    try {
      for (; next < this.#count; next++) {
        this.#fds[next] = this.#libc.duplicate(this.#fds[next] as number);
      }
    } catch (error) {
      for (const duplicate of this.#fds.slice(first, next)) this.#libc.discard(duplicate);
      throw sentBefore(error, first);
    }
    this.#held = first;
    return this;
  }

  release(): void {
    this.#letGo(this.#count);
  }

  interrupted(cause: unknown): unknown {
    if (this.#sent === 0) return cause;
    const message = `${this.#sent} of ${this.#count} descriptors were sent before the call was ended`;
    return sentBefore(new ChannelError('ERR_FDCHANNEL_PARTLY_SENT', message, { cause }), this.#sent);
  }

  #letGo(end: number): void {
    for (; this.#held < end; this.#held++) this.#libc.discard(this.#fds[this.#held] as number);
  }
}
