import { sentBefore } from '../errors.ts';
import { BatchBuffer } from '../libc/batch-buffer.ts';
import { WOULD_BLOCK } from '../libc/calls.ts';
import type { MessageBuffer } from '../libc/message-buffer.ts';
import type { Transfer } from './transfer.ts';

/** How many messages one system call takes. More go by several. */
const BATCH = 64;

/** What an endpoint sends: messages with one descriptor each, one or many by one system call. */
export class DescriptorSender {
  readonly #transfer: Transfer;
  #batch: BatchBuffer | undefined;

  /** @param transfer its outgoing message is complete, but for the descriptor */
  constructor(transfer: Transfer) {
    this.#transfer = transfer;
  }

  /** One sendmsg(2); true when sent, undefined where it would block. */
  one(fd: number, flags: number): true | undefined {
    const transfer = this.#transfer;
    transfer.codec.replace(transfer.outgoing, fd);
    return transfer.send(flags) === WOULD_BLOCK ? undefined : true;
  }

  /**
   * Sends descriptors in order, by one sendmmsg(2) for each {@link BATCH} of them, until it would block.
   *
   * @param count how many there are
   * @param sent how many of them have been sent before
   * @returns how many have been sent now
   * @throws SyscallError, ChannelError with that number in `sent`
   */
  many(fds: Int32Array, count: number, sent: number, flags: number): number {
    let done = sent;
    try {
      while (done < count) {
        const taken = this.#some(fds, done, Math.min(BATCH, count - done), flags);
        if (taken === WOULD_BLOCK) break;
        done += taken;
      }
    } catch (error) {
      throw sentBefore(error, done);
    }
    return done;
  }

  #some(fds: Int32Array, from: number, count: number, flags: number): number {
    if (count === 1) return this.one(fds[from] as number, flags) ? 1 : WOULD_BLOCK;
    this.#batch ??= this.#build();
    const { messages } = this.#batch;
    const { codec } = this.#transfer;
    for (let i = 0; i < count; i++) codec.replace(messages[i] as MessageBuffer, fds[from + i] as number);
    return this.#transfer.sendMany(this.#batch, count, flags);
  }

  #build(): BatchBuffer {
    const { libc, codec, outgoing } = this.#transfer;
    const batch = new BatchBuffer(libc, BATCH, outgoing.dataBytes, outgoing.controlBytes);
    for (const message of batch.messages) {
      message.data.set(outgoing.data);
      message.controllen = codec.encode(message, [0]);
    }
    return batch;
  }
}
