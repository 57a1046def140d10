import type { SocketType } from '../abi/abi.ts';
import { ChannelError, SyscallError } from '../errors.ts';
import type { BatchBuffer } from '../libc/batch-buffer.ts';
import { type Libc, WOULD_BLOCK } from '../libc/calls.ts';
import type { MessageBuffer } from '../libc/message-buffer.ts';
import { queuedBytes, queuedDescriptors } from '../libc/sockets.ts';
import type { ControlCodec, ControlContents } from './control.ts';

/** How many empty packets are skipped to find out whether anything else follows: more than a queue holds. */
const MOST_EMPTY_PACKETS = 1024;

/** Messages of one socket, out and in, through buffers that are used again for each. */
export class Transfer {
  readonly outgoing: MessageBuffer;
  readonly incoming: MessageBuffer;
  readonly libc: Libc;
  readonly codec: ControlCodec;
  readonly #socket: { readonly fd: number };
  readonly #receiveFlags: number;
  readonly #sendFlags: number;
  #reset: SyscallError | undefined;

  constructor(
    libc: Libc,
    socket: { readonly fd: number },
    type: SocketType,
    codec: ControlCodec,
    outgoing: MessageBuffer,
    incoming: MessageBuffer,
  ) {
    this.libc = libc;
    this.#socket = socket;
    this.codec = codec;
    this.outgoing = outgoing;
    this.incoming = incoming;
    // Makes the result a packet's real length, however short the buffer for its data is.
    this.#receiveFlags = type === 'stream' ? 0 : libc.abi.MSG_TRUNC;
    // FreeBSD keeps the records of SEQPACKET apart only with MSG_EOR; Linux ignores it.
    this.#sendFlags = type === 'seqpacket' ? libc.abi.MSG_EOR : 0;
  }

  /**
   * Sends what is in {@link outgoing}, by one sendmsg(2).
   *
   * @returns the bytes of data sent, or {@link WOULD_BLOCK}
   * @throws ChannelError `ERR_FDCHANNEL_ENDED`
   */
  send(flags: number): number {
    try {
      return this.libc.sendmsg(this.#socket.fd, this.outgoing.address, flags | this.#sendFlags);
    } catch (error) {
      throw endOr(error);
    }
  }

  /**
   * Sends data without descriptors, by one send(2).
   *
   * @param address of `bytes` bytes
   * @returns what {@link send} returns
   * @throws ChannelError `ERR_FDCHANNEL_ENDED`
   */
  sendData(address: number, bytes: number, flags: number): number {
    try {
      return this.libc.send(this.#socket.fd, address, bytes, flags | this.#sendFlags);
    } catch (error) {
      throw endOr(error);
    }
  }

  /**
   * Sends the first `count` messages of a batch, by one sendmmsg(2).
   *
   * @returns how many were sent, at least one, or {@link WOULD_BLOCK}; an error behind the first comes with the next call
   * @throws ChannelError `ERR_FDCHANNEL_ENDED`
   */
  sendMany(batch: BatchBuffer, count: number, flags: number): number {
    try {
      return batch.send(this.#socket.fd, count, flags | this.#sendFlags);
    } catch (error) {
      throw endOr(error);
    }
  }

  /**
   * Receives a message into {@link incoming}, by one recvmsg(2).
   *
   * @param controllen the bytes of control messages for which there is room
   * @returns the bytes of data received, or {@link WOULD_BLOCK}
   */
  receive(controllen: number, flags: number): number {
    // recvmsg(2) overwrites it with what it received.
    this.incoming.controllen = controllen;
    try {
      return this.libc.recvmsg(this.#socket.fd, this.incoming.address, flags | this.#receiveFlags);
    } catch (error) {
      // A peer that closed without having received everything is reported so, once, and on SEQPACKET before what is
      // queued. Behind that come the queue and the end.
      if (!hasCode(error, 'ECONNRESET')) throw error;
      this.#reset = error as SyscallError;
      return this.receive(controllen, flags);
    }
  }

  /** The report that the peer closed without having received everything, once {@link receive} has met it. */
  get reset(): SyscallError | undefined {
    return this.#reset;
  }

  /**
   * Receives what is there into the first `count` messages of a batch, by one recvmmsg(2), which waits for the first
   * only.
   *
   * @param controllen the bytes of control messages for which each has room
   * @returns how many were received, at least one, or {@link WOULD_BLOCK}; an error behind the first comes with the
   *   next call
   */
  receiveMany(batch: BatchBuffer, count: number, controllen: number, flags: number): number {
    for (let i = 0; i < count; i++) (batch.messages[i] as MessageBuffer).controllen = controllen;
    try {
      return batch.receive(this.#socket.fd, count, flags | this.#receiveFlags);
    } catch (error) {
      if (hasCode(error, 'ECONNRESET')) return this.receiveMany(batch, count, controllen, flags);
      throw error;
    }
  }

  /** Whether the message received last lost control messages. */
  get truncated(): boolean {
    return this.isTruncated(this.incoming);
  }

  /** Whether a received message lost control messages. */
  isTruncated(message: MessageBuffer): boolean {
    return (message.flags & this.libc.abi.MSG_CTRUNC) !== 0;
  }

  /** Closes every descriptor that came with a message: with the one received last, where none is named. */
  discard(message: MessageBuffer = this.incoming): ControlContents {
    const contents = this.contents(message);
    for (const fd of contents.descriptors) this.libc.discard(fd);
    for (const fd of contents.added) this.libc.discard(fd);
    return contents;
  }

  /** The control messages of a received message. */
  contents(message: MessageBuffer = this.incoming): ControlContents {
    return this.codec.decode(message, message.controllen);
  }

  /**
   * Tells the end from an empty packet without a descriptor, which recvmsg(2) cannot. At the end, empty packets that
   * nobody has received count as nothing.
   */
  atEnd(): boolean {
    if (!this.hasHungUp()) return false;
    // The peer may have gone just after the packet, with more behind it.
    if (this.#peeksMore()) return false;
    const queued = queuedDescriptors(this.#socket.fd);
    if (queued === undefined) return this.#skipsToEnd();
    return queued === 0 && queuedBytes(this.libc, this.#socket.fd) === 0;
  }

  /** Whether the peer is gone, or may send no more, or this side may receive no more. */
  hasHungUp(): boolean {
    const { POLLIN, POLLHUP, POLLRDHUP } = this.libc.abi;
    const events = this.libc.poll(this.#socket.fd, POLLIN | POLLRDHUP, 0);
    return (events & (POLLHUP | POLLRDHUP)) !== 0;
  }

  /** Whether anything but an empty packet comes next. */
  #peeksMore(): boolean {
    const { MSG_PEEK, MSG_DONTWAIT } = this.libc.abi;
    // A look without room for descriptors installs none and takes none.
    return this.receive(0, MSG_PEEK | MSG_DONTWAIT) > 0 || this.truncated;
  }

  #skipsToEnd(): boolean {
    for (let i = 0; i < MOST_EMPTY_PACKETS; i++) {
      const skipped = this.receive(0, this.libc.abi.MSG_DONTWAIT);
      if (skipped > 0 || this.truncated || this.#peeksMore()) return false;
    }
    return true;
  }
}

/** The end of the channel, as an error. */
export function ended(cause?: unknown): ChannelError {
  return new ChannelError(
    'ERR_FDCHANNEL_ENDED',
    'the channel has ended: the peer is gone, or one of the two ends was shut down',
    cause === undefined ? undefined : { cause },
  );
}

/** EPIPE of a peer that is gone, and once ECONNRESET when that peer had not received everything. */
function endOr(error: unknown): unknown {
  return hasCode(error, 'EPIPE') || hasCode(error, 'ECONNRESET') ? ended(error) : error;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof SyscallError && error.code === code;
}
