import type { Libc } from './calls.ts';
import { Memory } from './memory.ts';

const align8 = (bytes: number): number => (bytes + 7) & ~7;

/**
 * A `msghdr` with the memory it points to, in one block that C sees: the header, one `iovec`, its data, the
 * control buffer. It is built once and used for every call; the addresses hold for as long as this object is
 * referenced.
 *
 * Every field that a call changes lies in an aligned 32-bit word on every platform: of a 64-bit `size_t` it is
 * the low half, as only little-endian hosts are supported, and the high half stays 0.
 */
export class MessageBuffer {
  /** The address of the `msghdr`. */
  readonly address: number;
  /** The control buffer, as words. */
  readonly control: Int32Array;
  /** The data buffer. */
  readonly data: Uint8Array;
  readonly #words: Int32Array;
  readonly #controllen: number;
  readonly #flags: number;

  /**
   * @param dataBytes the size of the one data buffer, which may be 0
   * @param controlBytes the size of the control buffer
   */
  constructor(libc: Libc, dataBytes: number, controlBytes: number) {
    const { msghdr, iovec, wordSize } = libc.layout;
    const iovecAt = align8(msghdr.size);
    const dataAt = iovecAt + align8(iovec.size);
    const controlAt = dataAt + align8(dataBytes);
    const memory = new Memory(libc.raw, controlAt + align8(controlBytes));
    const { address, bytes, words } = memory;
    memory.setWord(iovecAt + iovec.offset.iov_base, address + dataAt, wordSize);
    memory.setWord(iovecAt + iovec.offset.iov_len, dataBytes, wordSize);
    memory.setWord(msghdr.offset.msg_iov, address + iovecAt, wordSize);
    words[msghdr.offset.msg_iovlen / 4] = dataBytes > 0 || !libc.receivesWithoutIovec ? 1 : 0;
    memory.setWord(msghdr.offset.msg_control, address + controlAt, wordSize);

    this.address = address;
    this.data = bytes.subarray(dataAt, dataAt + dataBytes);
    this.control = words.subarray(controlAt / 4, (controlAt + controlBytes) / 4);
    this.#words = words;
    this.#controllen = msghdr.offset.msg_controllen / 4;
    this.#flags = msghdr.offset.msg_flags / 4;
  }

  /** Bytes of control messages: to send, announced as room, or received. */
  get controllen(): number {
    return this.#words[this.#controllen] as number;
  }

  set controllen(bytes: number) {
    this.#words[this.#controllen] = bytes;
  }

  /** The flags of the message that was received last. */
  get flags(): number {
    return this.#words[this.#flags] as number;
  }
}
