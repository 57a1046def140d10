import type { Libc } from './calls.ts';
import { type Addresses, Memory } from './memory.ts';

/** What a message has room for, in bytes but for the first. */
export interface MessageRoom {
  /** How many pieces the data may have. @default 1 */
  readonly iovecs?: number;
  readonly dataBytes: number;
  readonly controlBytes: number;
  /** @default 0 */
  readonly nameBytes?: number;
}

const NOTHING: readonly Uint8Array[] = [];

const align8 = (bytes: number): number => (bytes + 7) & ~7;

/**
 * A `msghdr` with the memory it points to, in one block that C sees: the header, its `iovec`s, the data, the control
 * buffer, a name. It is built once and used for every call; the addresses hold for as long as this object is referenced.
 *
 * Every field that a call changes lies in an aligned 32-bit word on every platform, the low half of a 64-bit `size_t`;
 * the high half stays 0.
 */
export class MessageBuffer {
  /** The address of the `msghdr`. */
  readonly address: number;
  /** The control buffer, as words. */
  readonly control: Int32Array;
  /** The data buffer. */
  readonly data: Uint8Array;
  /** The buffer for a name. */
  readonly name: Uint8Array;
  readonly #addresses: Addresses;
  readonly #memory: Memory;
  readonly #words: Int32Array;
  readonly #wordSize: number;
  readonly #at: Readonly<Record<'iovecs' | 'data' | 'control' | 'name', number>>;
  readonly #iovec: { readonly size: number; readonly base: number; readonly len: number };
  readonly #namelen: number;
  readonly #msgName: number;
  readonly #iovlen: number;
  readonly #msgControl: number;
  readonly #controllen: number;
  readonly #flags: number;
  #bare = true;
  // Alive for as long as C may see it.
  #pointed: readonly Uint8Array[] = NOTHING;

  constructor(libc: Libc, { iovecs = 1, dataBytes, controlBytes, nameBytes = 0 }: MessageRoom) {
    const { msghdr, iovec, wordSize } = libc.layout;
    const iovecsAt = align8(msghdr.size);
    const dataAt = iovecsAt + iovecs * align8(iovec.size);
    const controlAt = dataAt + align8(dataBytes);
    const nameAt = controlAt + align8(controlBytes);
    const memory = new Memory(libc.raw, nameAt + align8(nameBytes));
    const { address, bytes, words } = memory;

    this.address = address;
    this.control = words.subarray(controlAt / 4, (controlAt + controlBytes) / 4);
    this.data = bytes.subarray(dataAt, dataAt + dataBytes);
    this.name = bytes.subarray(nameAt, nameAt + nameBytes);
    this.#addresses = libc.raw;
    this.#memory = memory;
    this.#words = words;
    this.#wordSize = wordSize;
    this.#at = { iovecs: iovecsAt, data: dataAt, control: controlAt, name: nameAt };
    this.#iovec = { size: align8(iovec.size), base: iovec.offset.iov_base, len: iovec.offset.iov_len };
    this.#msgName = msghdr.offset.msg_name;
    this.#namelen = msghdr.offset.msg_namelen / 4;
    this.#iovlen = msghdr.offset.msg_iovlen / 4;
    this.#msgControl = msghdr.offset.msg_control;
    this.#controllen = msghdr.offset.msg_controllen / 4;
    this.#flags = msghdr.offset.msg_flags / 4;

    memory.setWord(msghdr.offset.msg_iov, address + iovecsAt, wordSize);
    if (nameBytes > 0) this.nameAt(address + nameAt, nameBytes);
    this.#setIovec(0, address + dataAt, dataBytes);
    words[this.#iovlen] = dataBytes > 0 || !libc.receivesWithoutIovec ? 1 : 0;
  }

  /** Bytes of control messages: to send, announced as room, or received. Without any there is no control buffer. */
  get controllen(): number {
    return this.#words[this.#controllen] as number;
  }

  set controllen(bytes: number) {
    this.#words[this.#controllen] = bytes;
    // macOS refuses a control buffer without a control message in it.
    const bare = bytes === 0;
    if (bare === this.#bare) return;
    this.#bare = bare;
    this.#setWord(this.#msgControl, bare ? 0 : this.address + this.#at.control);
  }

  /** The flags of the message that was received last. */
  get flags(): number {
    return this.#words[this.#flags] as number;
  }

  /** Bytes of a name: announced as room, or received. */
  get namelen(): number {
    return this.#words[this.#namelen] as number;
  }

  set namelen(bytes: number) {
    this.#words[this.#namelen] = bytes;
  }

  /** Whom the message is for. The address must stay good for as long as the message is used; 0 is the peer. */
  nameAt(address: number, length: number): void {
    this.#setWord(this.#msgName, address);
    this.namelen = length;
  }

  /**
   * Makes the message's data of parts, but for what is already sent. Small parts are copied, large ones pointed at until
   * {@link forget}.
   *
   * @param parts not more than there are iovecs
   * @param skip how many bytes of them are sent
   * @returns the bytes of data in the message
   */
  gather(parts: readonly Uint8Array[], skip: number): number {
    let left = skip;
    let copied = 0;
    let count = 0;
    let total = 0;
    for (const part of parts) {
      if (left >= part.length) {
        left -= part.length;
        continue;
      }
      const rest = left === 0 ? part : part.subarray(left);
      left = 0;
      let address: number;
      if (rest.length <= this.data.length - copied) {
        this.data.set(rest, copied);
        address = this.address + this.#at.data + copied;
        copied += rest.length;
      } else {
        address = this.#addresses.address(rest);
        this.#pointed = parts;
      }
      this.#setIovec(count++, address, rest.length);
      total += rest.length;
    }
    this.#words[this.#iovlen] = count;
    return total;
  }

  /** Has the next message's data received at an address, which must stay good for as long. */
  receiveAt(address: number, length: number): void {
    this.#setIovec(0, address, length);
    this.#words[this.#iovlen] = 1;
  }

  /** Has the next message's data received in the caller's memory, until {@link forget}. */
  receiveInto(memory: Uint8Array): void {
    this.receiveAt(this.#addresses.address(memory), memory.length);
    this.#pointed = [memory];
  }

  /** Lets go of the caller's memory. */
  forget(): void {
    if (this.#pointed.length > 0) this.#pointed = NOTHING;
  }

  #setIovec(index: number, address: number, length: number): void {
    const at = this.#at.iovecs + index * this.#iovec.size;
    this.#setWord(at + this.#iovec.base, address);
    this.#setWord(at + this.#iovec.len, length);
  }

  #setWord(offset: number, value: number): void {
    this.#memory.setWord(offset, value, this.#wordSize);
  }
}
