import { ChannelError, invalidArgValue, SyscallError } from '../errors.ts';
import type { SocketAddress } from '../libc/address.ts';
import { WOULD_BLOCK } from '../libc/calls.ts';
import type { SharedBuffers } from './shared-buffers.ts';
import type { Transfer } from './transfer.ts';
import type { Waiting } from './wait.ts';
import type { Waits } from './waits.ts';

/** What a message is made of. */
export interface OutgoingMessage {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly descriptors: readonly number[];
  /** Whom a datagram is for, if not the peer. */
  readonly to: SocketAddress | undefined;
}

/** How a socket sends: what all of its messages share. */
export interface Sender {
  readonly transfer: Transfer;
  readonly buffers: SharedBuffers;
  readonly waits: Waits;
  /** Whether a message was cut in the middle. */
  torn: boolean;
}

/**
 * Sends by one call what is left of a message.
 *
 * @param skip how many bytes of it are sent
 * @returns the number of bytes that the call took; undefined where it would block
 */
export function sendOnce(
  { transfer, buffers, torn }: Sender,
  { parts, bytes, to }: OutgoingMessage,
  descriptors: readonly number[],
  skip: number,
  flags: number,
): number | undefined {
  const { codec, outgoing } = buffers;
  if (torn) {
    throw new ChannelError(
      'ERR_FDCHANNEL_TORN',
      'an earlier message of this stream was cut in the middle, and the peer would take this one for its rest',
    );
  }
  if (outgoing.gather(parts, skip) !== bytes - skip) {
    throw invalidArgValue('data', 'data that keeps its length until it is sent', parts);
  }
  const piece = descriptors.length === 0 && !to ? outgoing.piece : 0;
  if (piece === 0) {
    outgoing.announceControl(descriptors.length === 0 ? 0 : codec.encode(outgoing, descriptors));
    outgoing.setName(to?.address ?? 0, to?.length ?? 0);
  }
  try {
    const sent = piece === 0 ? transfer.send(flags) : transfer.sendData(piece, bytes - skip, flags);
    return sent === WOULD_BLOCK ? undefined : sent;
  } catch (error) {
    if (!to || !(error instanceof SyscallError)) throw error;
    throw transfer.libc.error(-error.errno, error.syscall, { address: to.name });
  } finally {
    outgoing.forget();
  }
}

/** One message on its way out; on a stream, a part at a time. */
export class Sending implements Waiting<number> {
  readonly #sender: Sender;
  readonly #message: OutgoingMessage;
  #descriptors: readonly number[];
  #duplicated = false;
  #sent: number;
  #over = false;

  /** @param sent how many bytes of it are sent, and its descriptors with them; undefined while nothing is */
  constructor(sender: Sender, message: OutgoingMessage, sent?: number) {
    this.#sender = sender;
    this.#message = message;
    this.#descriptors = sent === undefined ? message.descriptors : [];
    this.#sent = sent ?? 0;
  }

  get begun(): boolean {
    return this.#sent > 0;
  }

  /** Sends until all is out, and returns the number of bytes; undefined where it would block before that. */
  attempt(flags: number): number | undefined {
    const { bytes } = this.#message;
    do {
      if (this.#once(flags) === undefined) return undefined;
    } while (this.#sent < bytes);
    this.#over = true;
    return bytes;
  }

  /** Sends by one call, and returns the number of bytes that it took; undefined where it would block. */
  #once(flags: number): number | undefined {
    try {
      const sent = sendOnce(this.#sender, this.#message, this.#descriptors, this.#sent, flags);
      if (sent === undefined) return undefined;
      this.#sent += sent;
      // The kernel sends descriptors with the first byte. With the rest, they would go a second time.
      if (sent > 0) this.#dropDescriptors();
      return sent;
    } catch (error) {
      this.#over = error instanceof ChannelError;
      throw error;
    }
  }

  /** Duplicates the descriptors that are not sent, as their owner may close them while the message waits. */
  hold(): this {
    const duplicates: number[] = [];
    try {
      for (const fd of this.#descriptors) duplicates.push(this.#sender.transfer.libc.duplicate(fd));
    } catch (error) {
      for (const fd of duplicates) this.#sender.transfer.libc.discard(fd);
      throw error;
    }
    this.#descriptors = duplicates;
    this.#duplicated = true;
    return this;
  }

  release(): void {
    this.#dropDescriptors();
    if (this.#sent === 0 || this.#over) return;
    this.#sender.torn = true;
    // What waits behind it would otherwise learn of it when the peer makes room.
    this.#sender.waits.serveSoon('out');
  }

  #dropDescriptors(): void {
    if (this.#duplicated) for (const fd of this.#descriptors) this.#sender.transfer.libc.discard(fd);
    this.#descriptors = [];
  }
}
