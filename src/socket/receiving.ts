import type { SocketType } from '../abi/abi.ts';
import { invalidArgValue } from '../errors.ts';
import { nameIn } from '../libc/address.ts';
import { type Libc, WOULD_BLOCK } from '../libc/calls.ts';
import type { SharedBuffers } from './shared-buffers.ts';
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
  /** The caller's memory for the data, as a view that nobody else has. */
  readonly into: Buffer | undefined;
}

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
    const { fds } = this;
    // One is what most messages have, and less work than several.
    if (fds.length === 1) this.#libc.close(fds.pop() as number);
    else if (fds.length > 0) this.#libc.closeAll(fds.splice(0));
  }
}

/** Messages of one socket on their way in. */
export class Receiving {
  readonly #libc: Libc;
  readonly #type: SocketType;
  readonly #transfer: Transfer;
  readonly #buffers: SharedBuffers;
  readonly #nameBytes: number;

  constructor(type: SocketType, transfer: Transfer, buffers: SharedBuffers) {
    this.#libc = transfer.libc;
    this.#type = type;
    this.#transfer = transfer;
    this.#buffers = buffers;
    // Only a datagram has a sender of its own.
    this.#nameBytes = type === 'dgram' ? buffers.incoming.name.length : 0;
  }

  /** One recvmsg: a message, null at the end, undefined where it would block. */
  receive(flags: number, wanted: Wanted): Message | null | undefined {
    const { abi } = this.#libc;
    const transfer = this.#transfer;
    const { incoming, codec } = this.#buffers;
    const bytes = this.#makeRoom(wanted);
    incoming.namelen = this.#nameBytes;
    // The kernel installs as many descriptors as there is room for. CMSG_LEN, and not CMSG_SPACE, whose padding has room
    // for one more.
    const most = abi.receiveRoom > 1 ? abi.receiveRoom : wanted.descriptors;
    let received: number;
    try {
      received = transfer.receive(most === 0 ? 0 : codec.length(most), flags);
    } finally {
      incoming.forget();
    }
    // A DGRAM socket that may receive no more says for ever that it would block, and that it is readable.
    if (received === WOULD_BLOCK) return this.#type === 'dgram' && transfer.hasHungUp() ? null : undefined;
    const name = incoming.namelen;
    const lost = transfer.truncated;
    const fds = incoming.controllen === 0 ? [] : this.#descriptors();
    const surplus = fds.length > wanted.descriptors;
    if (surplus) for (const fd of fds.splice(wanted.descriptors)) this.#libc.discard(fd);
    const from = this.#nameBytes > 0 ? nameIn(this.#libc, incoming.name, name) : undefined;
    if (received === 0 && fds.length === 0 && !lost && !surplus) {
      // A look at what comes next must not write into the caller's memory.
      incoming.receiveAt(this.#buffers.roomFor(1).address, 1);
      if (this.#type === 'stream' || transfer.atEnd()) return null;
    }
    const data = this.#data(Math.min(received, bytes), wanted.into);
    return new ReceivedMessage(this.#libc, data, fds, received > bytes, lost || surplus, from);
  }

  /** Points the message at memory for its data, and returns how much there is. */
  #makeRoom({ bytes, into }: Wanted): number {
    const { incoming } = this.#buffers;
    if (into) {
      if (into.length === 0) throw invalidArgValue('options.into', 'memory with room for data', into);
      incoming.receiveInto(into);
      return into.length;
    }
    incoming.receiveAt(this.#buffers.roomFor(bytes).address, bytes);
    return bytes;
  }

  #data(bytes: number, into: Buffer | undefined): Buffer {
    if (!into) return this.#buffers.takeData(bytes);
    return bytes === into.length ? into : into.subarray(0, bytes);
  }

  /** The descriptors that the peer sent; what the kernel added is closed. */
  #descriptors(): number[] {
    const { incoming, codec } = this.#buffers;
    const fd = codec.decodeOne(incoming, incoming.controllen);
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
