import type { Framing } from '../abi/abi.ts';
import { ChannelError } from '../errors.ts';
import { BatchBuffer } from '../libc/batch-buffer.ts';
import { WOULD_BLOCK } from '../libc/calls.ts';
import type { MessageBuffer } from '../libc/message-buffer.ts';
import { ended, type Transfer } from './transfer.ts';
import type { Waiting } from './wait.ts';

/** The most messages that the kernel takes by one call: its UIO_MAXIOV (Linux linux/uio.h). */
const MOST_AT_ONCE = 1024;

/** Who waits for descriptors, and shall hear of a fault, which no event tells. */
interface FaultListener {
  serveSoon(direction: 'in'): void;
}

/** What became of a message: its descriptor, or what was wrong with it. */
export type Outcome = number | ChannelError;

/**
 * What an endpoint receives: messages with exactly one descriptor, one or many by one system call. Everything else is a
 * fault, whose descriptors are closed before anybody hears of it.
 */
export class DescriptorReceiver implements Waiting<number> {
  readonly #type: Framing;
  readonly #transfer: Transfer;
  readonly #room: number;
  /** What was wrong with messages that came between good ones, for the calls that follow. */
  #faults: ChannelError[] | undefined;
  readonly #waits: FaultListener;
  /** Whether there is a fault among what came last. */
  #refused = false;
  #batch: BatchBuffer | undefined;

  /** @param waits is told when a fault was kept for the next call */
  constructor(type: Framing, transfer: Transfer, waits: FaultListener) {
    const { libc, codec } = transfer;
    this.#waits = waits;
    this.#type = type;
    this.#transfer = transfer;
    // Room for one is CMSG_LEN, not CMSG_SPACE, whose padding has room for a second descriptor.
    this.#room = codec.length(libc.abi.receiveRoom);
  }

  /** One recvmsg(2); undefined where it would block. */
  attempt(flags: number): number | undefined {
    if (this.#faults?.length) throw this.#faults.shift();
    const { incoming } = this.#transfer;
    const received = this.#transfer.receive(this.#room, flags);
    if (received === WOULD_BLOCK) return undefined;
    const fd = this.#take(incoming);
    if (fd < 0) throw this.#refuse(incoming, received, true);
    return fd;
  }

  /**
   * What is there, by one recvmmsg(2); undefined where it would block. Throws a fault only where nothing else came; one
   * that came between good messages is kept for the next call.
   *
   * @param max how many at most
   */
  many(max: number, flags: number): number[] | undefined {
    if (max === 1) {
      const fd = this.attempt(flags);
      return fd === undefined ? undefined : [fd];
    }
    if (this.#faults?.length) throw this.#faults.shift();
    const outcomes = this.#receive(max, flags);
    return outcomes && this.#refused ? this.#keepFaults(outcomes) : (outcomes as number[] | undefined);
  }

  /** What becomes of so many calls of {@link attempt}, in their order, by one recvmmsg(2); undefined where it would block. */
  together(count: number, flags: number): Outcome[] | undefined {
    if (this.#faults?.length) return this.#faults.splice(0, count);
    const outcomes = this.#receive(count, flags);
    const last = outcomes?.at(-1);
    // Behind the end is the end.
    if (isEnd(last)) while (outcomes && outcomes.length < count) outcomes.push(ended());
    return outcomes;
  }

  /** What came, in order; the end is the last. */
  #receive(max: number, flags: number): Outcome[] | undefined {
    const batch = this.#batchFor(Math.min(max, MOST_AT_ONCE));
    const asked = Math.min(max, batch.messages.length);
    const count = this.#transfer.receiveMany(batch, asked, this.#room, flags);
    if (count === WOULD_BLOCK) return undefined;
    const outcomes = new Array<Outcome>(count);
    this.#refused = false;
    for (let i = 0; i < count; i++) {
      const message = batch.messages[i] as MessageBuffer;
      const fd = this.#take(message);
      if (fd >= 0) {
        outcomes[i] = fd;
        continue;
      }
      const fault = this.#refuse(message, batch.received(i), this.#nothingBehind(batch, i, count));
      outcomes[i] = fault;
      this.#refused = true;
      if (isEnd(fault)) {
        // On a stream, SO_PASSPIDFD adds a descriptor even to the end, which comes as often as it is asked for.
        for (let rest = i + 1; rest < count; rest++) this.#transfer.discard(batch.messages[rest]);
        outcomes.length = i + 1;
        break;
      }
    }
    return outcomes;
  }

  /** The descriptors among what came; throws where there are none. */
  #keepFaults(outcomes: readonly Outcome[]): number[] {
    const descriptors = outcomes.filter(isDescriptor);
    const faults = outcomes.filter((outcome) => !isDescriptor(outcome)) as ChannelError[];
    const thrown = descriptors.length === 0 ? faults.shift() : undefined;
    // The kernel tells the end again.
    this.#faults = faults.filter((fault) => !isEnd(fault));
    if (this.#faults.length > 0) this.#waits.serveSoon('in');
    if (thrown) throw thrown;
    return descriptors;
  }

  /** The descriptor of a message that holds just that, and -1 of another, which is to be refused. */
  #take(message: MessageBuffer): number {
    const fd = this.#transfer.codec.decodeOne(message, message.controllen);
    // At its descriptor limit the kernel leaves the buffer as it was, and of two descriptors it delivers one:
    // only MSG_CTRUNC tells.
    if (fd < 0 || this.#transfer.isTruncated(message)) return -1;
    if (this.#transfer.libc.abi.MSG_CMSG_CLOEXEC === 0) this.#transfer.libc.setCloseOnExec(fd);
    return fd;
  }

  /**
   * Closes what came with a message, and says what was wrong with it.
   *
   * @param last whether nothing but such messages has come behind it, so that it may be the end
   */
  #refuse(message: MessageBuffer, received: number, last: boolean): ChannelError {
    const truncated = this.#transfer.isTruncated(message);
    const { descriptors, unexpected } = this.#transfer.discard(message);
    // On a stream, no data is the end whatever came along: with SO_PASSCRED, Linux adds credentials even to that.
    if (received === 0 && this.#type === 'stream') return ended();
    if (unexpected) return this.#transfer.codec.unexpectedControl(unexpected);
    if (truncated || descriptors.length > 0) {
      return new ChannelError(
        'ERR_FDCHANNEL_CONTROL_TRUNCATED',
        'a descriptor was lost: the peer sent more than one, or the kernel could not install it in this ' +
          'process (descriptor limit, security module); every one that came was closed',
      );
    }
    if (received === 0 && last && this.#transfer.atEnd()) return ended();
    return new ChannelError('ERR_FDCHANNEL_NO_DESCRIPTOR', 'the peer sent a packet without a descriptor');
  }

  /** Whether every message behind this one is empty: the end comes as often as there is room for it. */
  #nothingBehind(batch: BatchBuffer, index: number, count: number): boolean {
    for (let i = index + 1; i < count; i++) {
      const message = batch.messages[i] as MessageBuffer;
      if (batch.received(i) > 0 || message.controllen > 0 || this.#transfer.isTruncated(message))
        return false;
    }
    return true;
  }

  #batchFor(count: number): BatchBuffer {
    if (this.#batch === undefined || this.#batch.messages.length < count) {
      const { libc, incoming } = this.#transfer;
      this.#batch = new BatchBuffer(libc, count, incoming.dataBytes, incoming.controlBytes);
    }
    return this.#batch;
  }
}

function isDescriptor(outcome: Outcome): outcome is number {
  return typeof outcome === 'number';
}

function isEnd(outcome: Outcome | undefined): boolean {
  return outcome instanceof ChannelError && outcome.code === 'ERR_FDCHANNEL_ENDED';
}
