import type { SocketType } from '../abi/abi.ts';
import { invalidArgValue } from '../errors.ts';
import { nameIn } from '../libc/address.ts';
import { type Libc, WOULD_BLOCK } from '../libc/calls.ts';
import type { DataBuffer } from '../libc/data-buffer.ts';
import { Memory } from '../libc/memory.ts';
import type { ControlCodec } from './control.ts';
import type { Transfer } from './transfer.ts';

/** A message that was received. The receiver owns its data, and the descriptors in {@link fds}. */
export interface Message {
  readonly data: Buffer;
  /** Close-on-exec descriptors. Who takes one removes it from the array. */
  readonly fds: number[];
  /** Whether the packet was longer than `maxBytes`; the rest is gone. Never true of a stream, which keeps the rest. */
  readonly truncated: boolean;
  /** Whether descriptors are gone: more came than `maxFds`, or the kernel could not install one here. */
  readonly controlTruncated: boolean;
  /** The sender's address, of a datagram whose sender has one. */
  readonly from: string | undefined;
  /** Closes the descriptors that are still in {@link fds}. */
  [Symbol.dispose](): void;
}

/** What a receive wants at most. */
export interface Wanted {
  readonly bytes: number;
  readonly descriptors: number;
  /** The caller's memory for the data. */
  readonly into: Uint8Array | undefined;
}

/** The default of `maxBytes`, and the room that is kept for it. */
export const DEFAULT_BYTES = 65536;

/** Data that fills less than a quarter of its room is copied out of it, which takes less time than new room does. */
const COPIED = DEFAULT_BYTES / 4;

class ReceivedMessage implements Message {
  readonly data: Buffer;
  readonly fds: number[];
  readonly truncated: boolean;
  readonly controlTruncated: boolean;
  readonly from: string | undefined;
  readonly #libc: Libc;

  constructor(
    libc: Libc,
    data: Buffer,
    fds: number[],
    truncated: boolean,
    controlTruncated: boolean,
    from: string | undefined,
  ) {
    this.#libc = libc;
    this.data = data;
    this.fds = fds;
    this.truncated = truncated;
    this.controlTruncated = controlTruncated;
    this.from = from;
  }

  [Symbol.dispose](): void {
    for (const fd of this.fds.splice(0)) this.#libc.close(fd);
  }
}

/** Messages of one socket on their way in. */
export class Receiving {
  readonly #libc: Libc;
  readonly #type: SocketType;
  readonly #codec: ControlCodec;
  readonly #transfer: Transfer;
  readonly #incoming: DataBuffer;
  #room: Memory | undefined;

  /** @param incoming the transfer's incoming message */
  constructor(libc: Libc, type: SocketType, codec: ControlCodec, transfer: Transfer, incoming: DataBuffer) {
    this.#libc = libc;
    this.#type = type;
    this.#codec = codec;
    this.#transfer = transfer;
    this.#incoming = incoming;
  }

  /** One recvmsg: a message, null at the end, undefined where it would block. */
  receive(flags: number, wanted: Wanted): Message | null | undefined {
    const { abi } = this.#libc;
    const transfer = this.#transfer;
    const incoming = this.#incoming;
    const bytes = this.#makeRoom(wanted);
    if (incoming.name.length > 0) incoming.namelen = incoming.name.length;
    // The kernel installs as many descriptors as there is room for. CMSG_LEN, and not CMSG_SPACE, whose padding has room
    // for one more.
    const most = abi.receiveRoom > 1 ? abi.receiveRoom : wanted.descriptors;
    let received: number;
    try {
      received = transfer.receive(most === 0 ? 0 : this.#codec.length(most), flags);
    } finally {
      incoming.forget();
    }
    if (received === WOULD_BLOCK) return undefined;
    const name = incoming.namelen;
    const lost = transfer.truncated;
    const fds = incoming.controllen === 0 ? [] : this.#descriptors();
    const surplus = fds.length > wanted.descriptors;
    if (surplus) for (const fd of fds.splice(wanted.descriptors)) this.#libc.discard(fd);
    if (received === 0 && fds.length === 0 && !lost && (this.#type === 'stream' || transfer.atEnd()))
      return null;
    const from = incoming.name.length > 0 ? nameIn(this.#libc, incoming.name, name) : undefined;
    const data = this.#data(Math.min(received, bytes), wanted.into);
    return new ReceivedMessage(this.#libc, data, fds, received > bytes, lost || surplus, from);
  }

  /** Points the message at memory for its data, and returns how much there is. */
  #makeRoom({ bytes, into }: Wanted): number {
    const incoming = this.#incoming;
    if (into) {
      if (into.length === 0) throw invalidArgValue('options.into', 'memory with room for data', into);
      incoming.receiveInto(into);
      return into.length;
    }
    let room = this.#room;
    if (!room || room.bytes.length < bytes) {
      room = new Memory(this.#libc.raw, Math.max(DEFAULT_BYTES, (bytes + 3) & ~3));
      this.#room = room;
    }
    incoming.receiveAt(room.address, bytes);
    return bytes;
  }

  #data(bytes: number, into: Uint8Array | undefined): Buffer {
    if (into) return Buffer.from(into.buffer, into.byteOffset, bytes);
    const { buffer } = (this.#room as Memory).bytes;
    const view = Buffer.from(buffer, 0, bytes);
    if (bytes <= COPIED) return Buffer.from(view);
    // Large data keeps its room; the next receive makes another.
    this.#room = undefined;
    return view;
  }

  /** The descriptors that the peer sent; what the kernel added is closed. */
  #descriptors(): number[] {
    const { control, controllen } = this.#incoming;
    const fd = this.#codec.decodeOne(control, controllen);
    if (fd >= 0) return this.#kept([fd]);
    const { descriptors, added } = this.#transfer.contents();
    for (const fd of added) this.#libc.discard(fd);
    return this.#kept([...descriptors]);
  }

  #kept(fds: number[]): number[] {
    if (this.#libc.abi.MSG_CMSG_CLOEXEC === 0) for (const fd of fds) this.#libc.setCloseOnExec(fd);
    return fds;
  }
}
