import { MOST_BYTES } from '../libc/address.ts';
import type { Libc } from '../libc/calls.ts';
import { DataBuffer } from '../libc/data-buffer.ts';
import { Memory, NO_BYTES } from '../libc/memory.ts';
import { LONGEST } from '../libc/sockets.ts';
import { ControlCodec } from './control.ts';

/** How much data a receive takes when nothing else is said. */
export const DEFAULT_BYTES = 65536;

/** How many pieces of data one message has at most. */
export const MOST_PARTS = 16;

/** Small data is copied into the message, as that takes less time than to ask where it lies. */
const COPIED_DATA = 4096;

/**
 * The messages of all sockets of a thread, which use them in turn: between two system calls nobody needs them. So a
 * socket that is idle costs no memory for messages.
 */
export class SharedBuffers {
  readonly codec: ControlCodec;
  readonly outgoing: DataBuffer;
  readonly incoming: DataBuffer;
  readonly #libc: Libc;
  #room: Memory | undefined;
  /** The beginning of the room. */
  #view: Uint8Array = NO_BYTES;

  constructor(libc: Libc) {
    const { abi } = libc;
    this.#libc = libc;
    this.codec = sharedCodec(libc);
    this.outgoing = new DataBuffer(libc, {
      iovecs: MOST_PARTS,
      dataBytes: COPIED_DATA,
      controlBytes: this.codec.space(abi.mostDescriptors),
      nameBytes: 0,
    });
    this.incoming = new DataBuffer(libc, {
      iovecs: 1,
      dataBytes: 0,
      controlBytes: this.codec.space(Math.max(abi.receiveRoom, abi.mostDescriptors)),
      nameBytes: MOST_BYTES,
    });
  }

  /** Room for received data. */
  roomFor(bytes: number): Memory {
    if (!this.#room || this.#room.bytes.length < bytes) {
      const size = Math.max(DEFAULT_BYTES, (bytes + 3) & ~3);
      // To fill 64 KiB with zeros takes a fifth of the time that the kernel takes to fill it with data.
      this.#room = new Memory(this.#libc.raw, Buffer.allocUnsafeSlow(size).buffer);
      this.#view = NO_BYTES;
    }
    return this.#room;
  }

  /**
   * The data that {@link roomFor} was filled with. Data that fills up to half of it is copied, which takes less time
   * than new room does; other data keeps the room. Room for more than is usually sent is for one message.
   */
  takeData(bytes: number): Buffer {
    const { bytes: room } = this.#room as Memory;
    let data: Buffer;
    const copied = bytes <= room.length / 2;
    if (copied) {
      // Messages are often as long as the one before.
      if (this.#view.length !== bytes) this.#view = room.subarray(0, bytes);
      data = Buffer.allocUnsafe(bytes);
      data.set(this.#view);
    } else {
      data = Buffer.from(room.buffer, 0, bytes);
    }
    if (!copied || room.length > LONGEST) {
      this.#room = undefined;
      this.#view = NO_BYTES;
    }
    return data;
  }
}

const buffersOf: WeakMap<Libc, SharedBuffers> = new WeakMap();
const codecsOf: WeakMap<Libc, ControlCodec> = new WeakMap();

/** The buffers of the thread to which a libc belongs. */
export function sharedBuffers(libc: Libc): SharedBuffers {
  return madeOnce(buffersOf, libc, () => new SharedBuffers(libc));
}

/** The codec of that thread. It keeps nothing of what it codes. */
export function sharedCodec(libc: Libc): ControlCodec {
  return madeOnce(codecsOf, libc, () => new ControlCodec(libc.abi, libc.layout));
}

function madeOnce<T>(ofThreads: WeakMap<Libc, T>, libc: Libc, make: () => T): T {
  const existing = ofThreads.get(libc);
  if (existing) return existing;
  const made = make();
  ofThreads.set(libc, made);
  return made;
}
