import type { Libc } from './calls.ts';
import type { Memory } from './memory.ts';

/** The bytes that C's alignment makes of so many. */
export const align8 = (bytes: number): number => (bytes + 7) & ~7;

/** Where the parts of a message lie in a block of memory. */
export interface MessagePlace {
  readonly memory: Memory;
  /** The offset of the `msghdr`. */
  readonly headerAt: number;
  /** The offset of what it points to. */
  readonly bodyAt: number;
}

/**
 * A `msghdr` with what it points to, in one part of a memory that C sees: the header, one `iovec`, its data, the control
 * buffer. It is built once and used for every call; the addresses hold for as long as this object is
 * referenced.
 *
 * Every field that a call changes lies in an aligned 32-bit word on every platform: of a 64-bit `size_t` it is
 * the low half, as only little-endian hosts are supported, and the high half stays 0.
 *
 * It keeps offsets into the memory, and no views of its parts: one view takes some 100 bytes, as the whole message does.
 */
export class MessageBuffer {
  /** The address of the `msghdr`. */
  readonly address: number;
  /** The memory in which the message lies, as words. */
  readonly words: Int32Array<ArrayBuffer>;
  /** The first word of the control buffer. */
  readonly controlAt: number;
  readonly controlBytes: number;
  readonly dataBytes: number;
  readonly #controllen: number;
  readonly #flags: number;

  /**
   * @param dataBytes the size of the one data buffer, which may be 0
   * @param controlBytes the size of the control buffer
   * @param place where it lies; in a part of its own without
   */
  constructor(libc: Libc, dataBytes: number, controlBytes: number, place?: MessagePlace) {
    const { msghdr, iovec, wordSize } = libc.layout;
    const { memory, headerAt, bodyAt } = place ?? alone(libc, dataBytes, controlBytes);
    const { words } = memory;
    const dataAt = bodyAt + align8(iovec.size);
    const controlAt = dataAt + align8(dataBytes);
    const member = (name: keyof typeof msghdr.offset): number => headerAt + msghdr.offset[name];
    memory.setWord(bodyAt + iovec.offset.iov_base, memory.address + dataAt, wordSize);
    memory.setWord(bodyAt + iovec.offset.iov_len, dataBytes, wordSize);
    memory.setWord(member('msg_iov'), memory.address + bodyAt, wordSize);
    words[member('msg_iovlen') / 4] = dataBytes > 0 || !libc.receivesWithoutIovec ? 1 : 0;
    memory.setWord(member('msg_control'), memory.address + controlAt, wordSize);

    this.address = memory.address + headerAt;
    this.words = words;
    this.controlAt = controlAt / 4;
    this.controlBytes = controlBytes;
    this.dataBytes = dataBytes;
    this.#controllen = member('msg_controllen') / 4;
    this.#flags = member('msg_flags') / 4;
  }

  /** The bytes that a message takes beside its `msghdr`. */
  static bodyBytes(libc: Libc, dataBytes: number, controlBytes: number): number {
    return align8(libc.layout.iovec.size) + align8(dataBytes) + align8(controlBytes);
  }

  /** The data buffer, as a view that is made for whoever asks. */
  get data(): Uint8Array<ArrayBuffer> {
    const dataAt = 4 * this.controlAt - align8(this.dataBytes);
    return new Uint8Array(this.words.buffer, dataAt, this.dataBytes);
  }

  /** Bytes of control messages: to send, announced as room, or received. */
  get controllen(): number {
    return this.words[this.#controllen] as number;
  }

  set controllen(bytes: number) {
    this.words[this.#controllen] = bytes;
  }

  /** The flags of the message that was received last. */
  get flags(): number {
    return this.words[this.#flags] as number;
  }
}

function alone(libc: Libc, dataBytes: number, controlBytes: number): MessagePlace {
  const headerBytes = align8(libc.layout.msghdr.size);
  const { memory, at } = libc.shared.take(
    headerBytes + MessageBuffer.bodyBytes(libc, dataBytes, controlBytes),
  );
  return { memory, headerAt: at, bodyAt: at + headerBytes };
}
