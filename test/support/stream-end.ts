import { ChannelError, closeFD, closeFDs, type DescriptorSource, UnixStream } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import type { LoopEnd, LoopKind } from './ends.ts';
import { socketpair } from './raw.ts';
import { ENDED } from './refusals.ts';

/** What goes with each descriptor. */
const DATA = 'x';

/** What a stream says of a write that finds the channel ended. */
const OVER = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'];

interface Wait {
  resolve(fd: number): void;
  reject(error: unknown): void;
}

/**
 * A stream that passes one descriptor a byte, and ends and fails as an endpoint does.
 *
 * A stream reads whether or not somebody receives: what came is kept here, in order.
 */
export class StreamEnd implements LoopEnd {
  readonly #stream: UnixStream;
  readonly #came: (number | ChannelError)[] = [];
  readonly #waits: Wait[] = [];
  #announced = false;
  #ended = false;
  #destroyed = false;

  constructor(sockfd: number) {
    this.#stream = new UnixStream(sockfd, { allowHalfOpen: true })
      .on('fds', (fds: number[]) => this.#arrive(fds))
      .on('data', () => this.#readBytes())
      .on('end', () => this.#end())
      .on('close', () => this.#end())
      // Whoever sends or receives is told.
      .on('error', () => {});
  }

  get fd(): number {
    return this.#stream.fd;
  }

  sendAsync(source: DescriptorSource): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#requireOpen('sendmsg');
      this.#stream.writeWithFds(DATA, [source], (error) => {
        if (error) reject(this.#told(error));
        else resolve();
      });
    });
  }

  receiveAsync(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#requireOpen('recvmsg');
      this.#waits.push({ resolve, reject });
      this.#serve();
    });
  }

  async *iterate(): AsyncGenerator<number, void, undefined> {
    for (;;) {
      try {
        yield await this.receiveAsync();
      } catch (error) {
        if (error instanceof ChannelError && error.code === 'ERR_FDCHANNEL_ENDED') return;
        throw error;
      }
    }
  }

  destroy(): void {
    this.#destroyed = true;
    this.#stream.destroy();
    for (const came of this.#came.splice(0)) if (typeof came === 'number') closeFD(came);
    for (const { reject } of this.#waits.splice(0)) reject(closed('recvmsg'));
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  ref(): this {
    this.#stream.ref();
    return this;
  }

  unref(): this {
    this.#stream.unref();
    return this;
  }

  #requireOpen(syscall: string): void {
    if (this.#destroyed) throw closed(syscall);
  }

  #told(error: Error): Error {
    if (this.#destroyed) return closed('sendmsg');
    const { code = '' } = error as NodeJS.ErrnoException;
    return OVER.includes(code) ? new ChannelError('ERR_FDCHANNEL_ENDED', code) : error;
  }

  #arrive(fds: number[]): void {
    this.#announced = true;
    const [fd] = fds;
    if (fd !== undefined && fds.length === 1) this.#came.push(fd);
    else {
      closeFDs(fds);
      this.#came.push(new ChannelError('ERR_FDCHANNEL_CONTROL_TRUNCATED', `${fds.length} descriptors`));
    }
    this.#serve();
  }

  /** Notes bytes that came without a descriptor. */
  #readBytes(): void {
    if (!this.#announced) this.#came.push(new ChannelError('ERR_FDCHANNEL_NO_DESCRIPTOR', 'only bytes came'));
    this.#announced = false;
    this.#serve();
  }

  #end(): void {
    this.#ended = true;
    this.#serve();
  }

  #serve(): void {
    while (this.#waits.length > 0 && (this.#came.length > 0 || this.#ended)) {
      const { resolve, reject } = this.#waits.shift() as Wait;
      const came = this.#came.shift() ?? new ChannelError('ERR_FDCHANNEL_ENDED', 'the stream has ended');
      if (typeof came === 'number') resolve(came);
      else reject(came);
    }
  }
}

function closed(syscall: string): Error {
  return libc().refusal('EBADF', syscall);
}

/** Streams, which have none of the forms that do not wait on the event loop. */
export const STREAM: LoopKind<StreamEnd> = {
  name: 'stream',
  type: 'stream',
  of: (sockfd) => new StreamEnd(sockfd),
  pair: () => {
    const [a, b] = socketpair('stream');
    return [new StreamEnd(a), new StreamEnd(b)];
  },
  ended: { send: ENDED, receive: ENDED },
};
