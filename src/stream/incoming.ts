import type { Duplex } from 'node:stream';
import type { Libc } from '../libc/calls.ts';
import type { Message, MessageWatch, UnixSocket } from '../unix-socket.ts';
import { truncated, unclaimed } from './errors.ts';
import { Unclaimed } from './unclaimed.ts';

/** How often a stream looks for more, while it gets all that it asks for, before the loop turns. */
const MOST_LOOKS = 16;

/** What a stream reads: bytes, which it buffers, and descriptors, which go to who listens for them or wait. */
export class Incoming {
  readonly #stream: Duplex;
  readonly #mostDescriptors: number;
  readonly #unclaimed: Unclaimed;
  readonly #maxFds: number;
  readonly #progressed: () => void;
  #wanted = false;
  #reading: MessageWatch | undefined;
  #looks = 0;
  #ended = false;
  #bytes = 0;

  /**
   * @param maxFds how many descriptors may wait for somebody to take them
   * @param progressed is called when something has come
   */
  constructor(libc: Libc, stream: Duplex, maxFds: number, progressed: () => void) {
    this.#stream = stream;
    this.#mostDescriptors = libc.abi.mostDescriptors;
    this.#unclaimed = new Unclaimed(libc);
    this.#maxFds = maxFds;
    this.#progressed = progressed;
  }

  /** Bytes of data that came. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the peer has ended its side. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether data was asked for that has not come. */
  get wanted(): boolean {
    return this.#wanted;
  }

  get unclaimed(): Unclaimed {
    return this.#unclaimed;
  }

  /**
   * Receives, until the stream's buffer is full.
   *
   * @param socket undefined before there is one
   */
  want(socket: UnixSocket | undefined): void {
    this.#wanted = true;
    if (socket && !this.#reading) this.#start(socket);
  }

  /** Gives descriptors to who listens for them. */
  announce(): void {
    while (this.#unclaimed.size > 0 && this.#stream.listenerCount('fds') > 0) {
      this.#stream.emit('fds', this.#unclaimed.shift());
    }
  }

  #start(socket: UnixSocket): void {
    // Not from within the loop's work, which what a listener throws would end.
    this.#reading = socket.onMessages(
      { bytes: this.#stream.readableHighWaterMark, descriptors: this.#mostDescriptors, into: undefined },
      (message) => {
        // The end would come again and again.
        if (message === null) this.#reading?.end();
        process.nextTick(this.#received, socket, message);
      },
      (error) => process.nextTick(() => this.#stream.destroy(error as Error)),
    );
  }

  #stop(): void {
    this.#reading?.end();
    this.#reading = undefined;
  }

  readonly #received = (socket: UnixSocket, message: Message | null): void => {
    this.#wanted = false;
    if (message === null) this.#end(socket);
    else if (this.#stream.destroyed) message[Symbol.dispose]();
    else this.#take(message);
  };

  #take({ data, fds, controlTruncated }: Message): void {
    this.#progressed();
    this.#bytes += data.length;
    if (fds.length > 0) this.#unclaimed.add(fds);
    if (controlTruncated) {
      this.#stream.destroy(truncated());
      return;
    }
    try {
      this.announce();
    } catch (thrown) {
      // By a listener, which is no reason to lose the bytes.
      process.nextTick(() => {
        throw thrown;
      });
    }
    if (this.#unclaimed.size > this.#maxFds) this.#stream.destroy(unclaimed(this.#maxFds));
    else this.#push(data);
  }

  #push(data: Buffer): void {
    const stream = this.#stream;
    // A listener that throws does not stop the stream.
    const more = stream.push(data);
    if (stream.destroyed) return;
    if (!more) this.#stop();
    else if (data.length < stream.readableHighWaterMark || this.#looks === MOST_LOOKS) this.#looks = 0;
    else {
      // More is there than one message takes.
      this.#looks++;
      this.#reading?.look();
    }
  }

  #end({ reset }: UnixSocket): void {
    if (reset) {
      this.#stream.destroy(reset);
      return;
    }
    this.#ended = true;
    this.#stream.push(null);
    // Lets 'end' come although nobody reads, where nothing is left to be read.
    this.#stream.read(0);
  }
}
