/** No bytes. */
export const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** Gives the address of memory, which is good for as long as the memory is referenced. */
export interface Addresses {
  address(memory: ArrayBuffer | ArrayBufferView): number;
}

const lengthGetter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), 'length')
  ?.get as () => number;

/** The length of bytes, of which C sees that many, whatever property `length` the object was given. */
export function lengthOf(bytes: Uint8Array): number {
  return Reflect.apply(lengthGetter, bytes, []);
}

/**
 * Memory that C sees. Whoever holds it, holds the buffer that its address is good for.
 *
 * Fields are read and written as aligned 32-bit words: of a 64-bit field that is the low half, as only
 * little-endian hosts are supported.
 */
export class Memory {
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;

  /** @param buffer of a multiple of 4 bytes */
  constructor(addresses: Addresses, buffer: ArrayBuffer) {
    this.address = addresses.address(buffer);
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
  }

  /** Writes a pointer or a `size_t`. */
  setWord(offset: number, value: number, wordSize: number): void {
    this.words[offset / 4] = value;
    if (wordSize === 8) this.words[offset / 4 + 1] = value / 2 ** 32;
  }
}

/** A part of a memory. */
export interface Part {
  readonly memory: Memory;
  /** Its offset. */
  readonly at: number;
}

/** How much memory small parts share. */
const SHARED_BYTES = 4096;

/**
 * Hands out small parts of memory, many of which share one. A memory of its own takes ten times as much beside its
 * bytes: objects of JavaScript, and of the engine. No part is handed out twice; a memory lives as long as one of its parts.
 */
export class SharedMemory {
  readonly #addresses: Addresses;
  #memory: Memory | undefined;
  #used = 0;

  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  /** @param size in bytes, a multiple of 8 */
  take(size: number): Part {
    if (size > SHARED_BYTES / 8) return { memory: new Memory(this.#addresses, new ArrayBuffer(size)), at: 0 };
    if (this.#memory === undefined || this.#used + size > SHARED_BYTES) {
      this.#memory = new Memory(this.#addresses, new ArrayBuffer(SHARED_BYTES));
      this.#used = 0;
    }
    const at = this.#used;
    this.#used += size;
    return { memory: this.#memory, at };
  }
}
