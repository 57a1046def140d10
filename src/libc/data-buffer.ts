import type { Libc } from './calls.ts';
import { type Addresses, lengthOf, Memory } from './memory.ts';
import { align8, MessageBuffer } from './message-buffer.ts';

/** What a message has room for. */
export interface DataRoom {
  /** How many pieces the data may have. */
  readonly iovecs: number;
  /** Bytes of data that lie beside the message. */
  readonly dataBytes: number;
  readonly controlBytes: number;
  /** Bytes of a name. */
  readonly nameBytes: number;
}

const NOTHING: readonly Uint8Array[] = [];

/** A message with data of any size: small parts lie beside the `msghdr`, large ones stay where they are. */
export class DataBuffer extends MessageBuffer {
  /** The buffer for a name. */
  readonly name: Uint8Array;
  readonly #addresses: Addresses;
  readonly #memory: Memory;
  readonly #wordSize: number;
  readonly #data: Uint8Array;
  readonly #dataAddress: number;
  readonly #controlAddress: number;
  readonly #iovecsAt: number;
  readonly #iovec: { readonly size: number; readonly base: number; readonly len: number };
  readonly #nameAt: number;
  readonly #controlAt: number;
  // In words.
  readonly #namelen: number;
  readonly #iovlen: number;
  #hasControl = true;
  #piece = 0;
  // Alive for as long as C may see it.
  #pointed: readonly Uint8Array[] = NOTHING;

  constructor(libc: Libc, { iovecs, dataBytes, controlBytes, nameBytes }: DataRoom) {
    const { msghdr, iovec, wordSize } = libc.layout;
    const bodyAt = align8(msghdr.size);
    const iovecsAt = bodyAt + MessageBuffer.bodyBytes(libc, dataBytes, controlBytes);
    const nameAt = iovecsAt + iovecs * align8(iovec.size);
    const memory = new Memory(libc.raw, new ArrayBuffer(nameAt + align8(nameBytes)));
    super(libc, dataBytes, controlBytes, { memory, headerAt: 0, bodyAt });
    const { address, bytes } = memory;
    this.name = bytes.subarray(nameAt, nameAt + nameBytes);
    this.#addresses = libc.raw;
    this.#memory = memory;
    this.#wordSize = wordSize;
    this.#data = this.data;
    this.#dataAddress = address + this.#data.byteOffset;
    this.#controlAddress = address + 4 * this.controlAt;
    this.#iovecsAt = iovecsAt;
    this.#iovec = { size: align8(iovec.size), base: iovec.offset.iov_base, len: iovec.offset.iov_len };
    this.#nameAt = msghdr.offset.msg_name;
    this.#controlAt = msghdr.offset.msg_control;
    this.#namelen = msghdr.offset.msg_namelen / 4;
    this.#iovlen = msghdr.offset.msg_iovlen / 4;
    this.#setWord(msghdr.offset.msg_iov, address + iovecsAt);
    if (nameBytes > 0) this.setName(address + nameAt, nameBytes);
  }

  /** Announces control messages to send. Without any there is no control buffer: macOS refuses an empty one. */
  announceControl(bytes: number): void {
    this.controllen = bytes;
    const hasControl = bytes > 0;
    if (hasControl === this.#hasControl) return;
    this.#hasControl = hasControl;
    this.#setWord(this.#controlAt, hasControl ? this.#controlAddress : 0);
  }

  /** Where the data lies that {@link gather} was given, when all of it lies in one piece; 0 otherwise. */
  get piece(): number {
    return this.#piece;
  }

  /** Bytes of a name: announced as room, or received. */
  get namelen(): number {
    return this.words[this.#namelen] as number;
  }

  set namelen(bytes: number) {
    this.words[this.#namelen] = bytes;
  }

  /** Whom the message is for. The address must stay good for as long as the message is used; 0 is the peer. */
  setName(address: number, length: number): void {
    this.#setWord(this.#nameAt, address);
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
    let first = this.#dataAddress;
    for (const part of parts) {
      const partLength = lengthOf(part);
      if (left >= partLength) {
        left -= partLength;
        continue;
      }
      const rest = left === 0 ? part : part.subarray(left);
      left = 0;
      const length = lengthOf(rest);
      let address: number;
      if (length <= this.#data.length - copied) {
        this.#data.set(rest, copied);
        address = this.#dataAddress + copied;
        copied += length;
      } else {
        address = this.#addresses.address(rest);
        this.#pointed = parts;
      }
      if (count === 0) first = address;
      this.#setIovec(count++, address, length);
      total += length;
    }
    // What is copied lies in one piece.
    this.#piece = count === 1 || copied === total ? first : 0;
    this.words[this.#iovlen] = count;
    return total;
  }

  /** Has the next message's data received at an address, which must stay good for as long. */
  receiveAt(address: number, length: number): void {
    this.#setIovec(0, address, length);
    this.words[this.#iovlen] = 1;
  }

  /** Has the next message's data received in the caller's memory, until {@link forget}. */
  receiveInto(memory: Uint8Array): void {
    this.receiveAt(this.#addresses.address(memory), lengthOf(memory));
    this.#pointed = [memory];
  }

  /** Lets go of the caller's memory. */
  forget(): void {
    if (this.#pointed.length > 0) this.#pointed = NOTHING;
  }

  #setIovec(index: number, address: number, length: number): void {
    const at = this.#iovecsAt + index * this.#iovec.size;
    this.#setWord(at + this.#iovec.base, address);
    this.#setWord(at + this.#iovec.len, length);
  }

  #setWord(offset: number, value: number): void {
    this.#memory.setWord(offset, value, this.#wordSize);
  }
}
