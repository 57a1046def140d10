import {
  type AsyncOptions,
  type BlockingOptions,
  ChannelError,
  type ChannelErrorCode,
  closeFDs,
  type DescriptorSource,
  type Message,
  type SocketType,
  UnixSocket,
} from '../../src/index.ts';
import type { ModelEnd } from './ends.ts';

/** What goes with each descriptor. */
const DATA = Buffer.from([7]);

/** A Unix socket as an end: each descriptor goes with a byte, and what an endpoint refuses is refused here. */
export class SocketEnd implements ModelEnd {
  readonly #socket: UnixSocket;

  constructor(sockfd: number) {
    this.#socket = new UnixSocket(sockfd);
  }

  get fd(): number {
    return this.#socket.fd;
  }

  get type(): SocketType {
    return this.#socket.type;
  }

  send(source: DescriptorSource, options?: BlockingOptions): void {
    allOf(this.#socket.sendMessage(DATA, [source], options));
  }

  trySend(source: DescriptorSource): boolean {
    const bytes = this.#socket.trySendMessage(DATA, [source]);
    if (bytes !== undefined) allOf(bytes);
    return bytes !== undefined;
  }

  sendAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void> {
    return this.#socket.sendMessageAsync(DATA, [source], options).then(allOf);
  }

  receive(options?: BlockingOptions): number {
    return this.#only(this.#socket.recvMessage(options));
  }

  tryReceive(): number | undefined {
    const message = this.#socket.tryRecvMessage();
    return message === undefined ? undefined : this.#only(message);
  }

  receiveAsync(options?: AsyncOptions): Promise<number> {
    return this.#socket.recvMessageAsync(options).then((message) => this.#only(message));
  }

  async *iterate(options?: AsyncOptions): AsyncGenerator<number, void, undefined> {
    for await (const message of this.#socket.messages(options)) yield this.#only(message);
  }

  ref(): this {
    this.#socket.ref();
    return this;
  }

  unref(): this {
    this.#socket.unref();
    return this;
  }

  shutdown(): void {
    this.#socket.shutdown();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  detach(): number {
    return this.#socket.detach();
  }

  /** The one descriptor of a message. */
  #only(message: Message | null): number {
    if (message === null) throw refusal('ERR_FDCHANNEL_ENDED');
    const { data, fds, truncated, controlTruncated, from } = message;
    if (truncated || from !== undefined) throw new Error(`a strange message: ${JSON.stringify(message)}`);
    const [fd] = fds;
    if (fd === undefined && !controlTruncated) throw refusal('ERR_FDCHANNEL_NO_DESCRIPTOR');
    if (fd === undefined || fds.length > 1) {
      closeFDs(fds);
      throw refusal('ERR_FDCHANNEL_CONTROL_TRUNCATED');
    }
    // On a stream, bytes without a descriptor may have run into those.
    const own = this.type === 'stream' ? data.subarray(-DATA.length) : data;
    if (!own.equals(DATA)) throw new Error(`not what was sent: ${data.toString('hex')}`);
    return fd;
  }
}

function allOf(bytes: number): void {
  if (bytes !== DATA.length) throw new Error(`${bytes} of ${DATA.length} bytes were sent`);
}

function refusal(code: ChannelErrorCode): ChannelError {
  return new ChannelError(code, 'told by the model');
}
