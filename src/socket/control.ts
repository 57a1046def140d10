import type { Abi, Layout } from '../abi/abi.ts';
import { ChannelError, outOfRange } from '../errors.ts';

/** The most descriptors that one message carries: the kernel's SCM_MAX_FD (Linux net/scm.h). */
export const MAX_DESCRIPTORS = 253;

const FD_BYTES = 4;

/** The head of a control message. */
export interface ControlHeader {
  readonly level: number;
  readonly type: number;
  /** As `cmsg_len` has it: head and data, in bytes. */
  readonly length: number;
}

/** What a control buffer held. */
export interface ControlContents {
  /** The descriptors that the peer sent, in order. The process owns each of them now, whatever else is in the buffer. */
  readonly descriptors: readonly number[];
  /** Descriptors that the kernel added, such as a pidfd. The process owns these, too. */
  readonly added: readonly number[];
  /** The first control message that is not a whole number of descriptors. */
  readonly unexpected: ControlHeader | undefined;
}

/**
 * Writes descriptors into control buffers and reads them back, for one platform's layout. It calls nothing.
 *
 * A control buffer is passed as 32-bit words: the kernel aligns everything in it to at least that.
 */
export class ControlCodec {
  readonly #SOL_SOCKET: number;
  readonly #SCM_RIGHTS: number;
  readonly #SCM_PIDFD: number;
  readonly #names: Readonly<Record<number, string>>;
  readonly #align: number;
  readonly #headBytes: number;
  readonly #dataAt: number;
  readonly #len: number;
  readonly #level: number;
  readonly #type: number;
  readonly #lengthOfOne: number;
  readonly #spaceOfOne: number;

  constructor(abi: Abi, layout: Layout) {
    const { size, offset } = layout.cmsghdr;
    this.#SOL_SOCKET = abi.SOL_SOCKET;
    this.#SCM_RIGHTS = abi.SCM_RIGHTS;
    this.#SCM_PIDFD = abi.SCM_PIDFD;
    this.#names = abi.controlNames;
    this.#align = layout.cmsgAlign;
    this.#headBytes = size;
    this.#dataAt = this.#aligned(size);
    this.#len = offset.cmsg_len / 4;
    this.#level = offset.cmsg_level / 4;
    this.#type = offset.cmsg_type / 4;
    this.#lengthOfOne = this.length(1);
    this.#spaceOfOne = this.space(1);
  }

  /** CMSG_LEN of a message with `count` descriptors, in bytes. */
  length(count: number): number {
    return this.#dataAt + FD_BYTES * count;
  }

  /** CMSG_SPACE of a message with `count` descriptors, in bytes. */
  space(count: number): number {
    return this.#dataAt + this.#aligned(FD_BYTES * count);
  }

  /**
   * Writes one control message at the beginning of `control`.
   *
   * @param descriptors 1 to 253 of them
   * @returns the bytes to announce as `msg_controllen`
   * @throws RangeError `ERR_OUT_OF_RANGE` for another count, or for more than `control` has space for
   */
  encode(control: Int32Array, descriptors: readonly number[]): number {
    const count = descriptors.length;
    if (count < 1 || count > MAX_DESCRIPTORS) {
      throw outOfRange('descriptors', `1 to ${MAX_DESCRIPTORS} descriptors`, count);
    }
    if (this.space(count) > control.byteLength) {
      throw outOfRange('control', `at least ${this.space(count)} bytes`, control.byteLength);
    }
    const length = this.length(count);
    const at = this.#dataAt / 4;
    // Word by word: to fill and to set costs V8 more than the few descriptors that most messages have.
    for (let i = 0; i < at; i++) control[i] = 0;
    control[this.#len] = length;
    control[this.#level] = this.#SOL_SOCKET;
    control[this.#type] = this.#SCM_RIGHTS;
    for (let i = 0; i < count; i++) control[at + i] = descriptors[i] as number;
    for (let i = at + count; i < this.space(count) / 4; i++) control[i] = 0;
    return length;
  }

  /** Puts another descriptor into a message that {@link encode} wrote for one. */
  replace(control: Int32Array, descriptor: number): void {
    control[this.#dataAt / 4] = descriptor;
  }

  /**
   * Reads a buffer that holds one message with one descriptor, without allocating.
   *
   * @param controllen the bytes that the kernel says it wrote
   * @returns the descriptor, or -1 when the buffer holds anything else, which {@link decode} then tells
   */
  decodeOne(control: Int32Array, controllen: number): number {
    // Room beyond the one message comes back as padding: more than that is another message.
    return controllen >= this.#lengthOfOne &&
      controllen <= this.#spaceOfOne &&
      control[this.#len] === this.#lengthOfOne &&
      control[this.#level] === this.#SOL_SOCKET &&
      control[this.#type] === this.#SCM_RIGHTS
      ? (control[this.#dataAt / 4] as number)
      : -1;
  }

  /**
   * Reads every control message of a buffer. Total: whatever the bytes are, it reads none beyond `controllen`
   * and the buffer, ends, and throws nothing.
   *
   * @param controllen the bytes that the kernel says it wrote
   */
  decode(control: Int32Array, controllen: number): ControlContents {
    const descriptors: number[] = [];
    const added: number[] = [];
    let unexpected: ControlHeader | undefined;
    const end = Math.min(controllen, control.byteLength);
    let at = 0;
    while (end - at >= this.#headBytes) {
      const word = at / 4;
      const length = (control[word + this.#len] as number) >>> 0;
      const level = control[word + this.#level] as number;
      const type = control[word + this.#type] as number;
      const socketLevel = level === this.#SOL_SOCKET;
      const rights = socketLevel && type === this.#SCM_RIGHTS;
      // Nobody here asks for a pidfd, but it is a descriptor all the same.
      const carries = rights || (socketLevel && type === this.#SCM_PIDFD && this.#SCM_PIDFD !== 0);
      const dataBytes = Math.min(length, end - at) - this.#dataAt;
      const count = carries ? Math.max(0, Math.floor(dataBytes / FD_BYTES)) : 0;
      for (let i = 0; i < count; i++) {
        const fd = control[word + this.#dataAt / 4 + i] as number;
        if (fd >= 0) (rights ? descriptors : added).push(fd);
      }
      if (!rights || count === 0 || length !== this.length(count)) unexpected ??= { level, type, length };
      // A length that does not reach over its own head leads nowhere.
      if (length < this.#headBytes) break;
      at += this.#aligned(length);
    }
    return { descriptors, added, unexpected };
  }

  /** The error for a control message that {@link decode} did not expect. */
  unexpectedControl({ level, type, length }: ControlHeader): ChannelError {
    const rights = level === this.#SOL_SOCKET && type === this.#SCM_RIGHTS;
    const what = rights
      ? `SCM_RIGHTS message of unexpected length: got ${length}, wanted ${this.#lengthOfOne}`
      : `unexpected control message: got ${this.#nameOf(level, type)}, wanted ${this.#nameOf(this.#SOL_SOCKET, this.#SCM_RIGHTS)}`;
    return new ChannelError('ERR_FDCHANNEL_UNEXPECTED_CONTROL', `the peer sent an ${what}`);
  }

  #nameOf(level: number, type: number): string {
    const name = level === this.#SOL_SOCKET ? this.#names[type] : undefined;
    return `${name === undefined ? '' : `${name} `}(${level}, ${type})`;
  }

  #aligned(bytes: number): number {
    return Math.ceil(bytes / this.#align) * this.#align;
  }
}
