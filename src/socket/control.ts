import type { Abi, Layout } from '../abi/abi.ts';
import { ChannelError, outOfRange } from '../errors.ts';

/** The most descriptors that one message carries: the kernel's SCM_MAX_FD (Linux net/scm.h). */
export const MAX_DESCRIPTORS = 253;

const FD_BYTES = 4;

/** Where control messages lie. */
export interface ControlBuffer {
  /** The memory around it. The kernel aligns everything in a control buffer to at least a word. */
  readonly words: Int32Array;
  /** Its first word. */
  readonly controlAt: number;
  readonly controlBytes: number;
}

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

/** Writes descriptors into control buffers and reads them back, for one platform's layout. It calls nothing. */
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
  encode(control: ControlBuffer, descriptors: readonly number[]): number {
    const count = descriptors.length;
    if (count < 1 || count > MAX_DESCRIPTORS) {
      throw outOfRange('descriptors', `1 to ${MAX_DESCRIPTORS} descriptors`, count);
    }
    const space = this.space(count);
    if (space > control.controlBytes) {
      throw outOfRange('control', `at least ${space} bytes`, control.controlBytes);
    }
    const length = this.length(count);
    const { words, controlAt } = control;
    const dataAt = controlAt + this.#dataAt / 4;
    const end = controlAt + space / 4;
    // Word by word: to fill and to set costs V8 more than the few descriptors that most messages have.
    for (let i = controlAt; i < dataAt; i++) words[i] = 0;
    words[controlAt + this.#len] = length;
    words[controlAt + this.#level] = this.#SOL_SOCKET;
    words[controlAt + this.#type] = this.#SCM_RIGHTS;
    for (let i = 0; i < count; i++) words[dataAt + i] = descriptors[i] as number;
    for (let i = dataAt + count; i < end; i++) words[i] = 0;
    return length;
  }

  /** Puts another descriptor into a message that {@link encode} wrote for one. */
  replace(control: ControlBuffer, descriptor: number): void {
    control.words[control.controlAt + this.#dataAt / 4] = descriptor;
  }

  /**
   * Reads a buffer that holds one message with one descriptor, without allocating.
   *
   * @param controllen the bytes that the kernel says it wrote
   * @returns the descriptor, or -1 when the buffer holds anything else, which {@link decode} then tells
   */
  decodeOne(control: ControlBuffer, controllen: number): number {
    const { words, controlAt } = control;
    // Room beyond the one message comes back as padding: more than that is another message.
    return controllen >= this.#lengthOfOne &&
      controllen <= this.#spaceOfOne &&
      controllen <= control.controlBytes &&
      words[controlAt + this.#len] === this.#lengthOfOne &&
      words[controlAt + this.#level] === this.#SOL_SOCKET &&
      words[controlAt + this.#type] === this.#SCM_RIGHTS
      ? (words[controlAt + this.#dataAt / 4] as number)
      : -1;
  }

  /**
   * Reads every control message of a buffer. Total: whatever the bytes are, it reads none beyond `controllen`
   * and the buffer, ends, and throws nothing.
   *
   * @param controllen the bytes that the kernel says it wrote
   */
  decode(control: ControlBuffer, controllen: number): ControlContents {
    const descriptors: number[] = [];
    const added: number[] = [];
    let unexpected: ControlHeader | undefined;
    const { words, controlAt } = control;
    const end = Math.min(controllen, control.controlBytes);
    let at = 0;
    while (end - at >= this.#headBytes) {
      const word = controlAt + at / 4;
      const length = (words[word + this.#len] as number) >>> 0;
      const level = words[word + this.#level] as number;
      const type = words[word + this.#type] as number;
      const socketLevel = level === this.#SOL_SOCKET;
      const rights = socketLevel && type === this.#SCM_RIGHTS;
      // Nobody here asks for a pidfd, but it is a descriptor all the same.
      const carries = rights || (socketLevel && type === this.#SCM_PIDFD && this.#SCM_PIDFD !== 0);
      const inside = Math.min(length, end - at);
      const dataBytes = inside - this.#dataAt;
      const count = carries ? Math.max(0, Math.floor(dataBytes / FD_BYTES)) : 0;
      for (let i = 0; i < count; i++) {
        const fd = words[word + this.#dataAt / 4 + i] as number;
        if (fd >= 0) (rights ? descriptors : added).push(fd);
      }
      if (!rights || count === 0 || length !== this.length(count)) unexpected ??= { level, type, length };
      // A length that does not reach over its own head leads nowhere.
      if (length < this.#headBytes) break;
      at += this.#aligned(inside);
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
    return (bytes + this.#align - 1) & -this.#align;
  }
}
