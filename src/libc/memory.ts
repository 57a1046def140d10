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

  /** @param size in bytes, a multiple of 4 */
  constructor(addresses: Addresses, size: number) {
    const buffer = new ArrayBuffer(size);
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
