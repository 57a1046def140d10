import type { Message } from '../../src/index.ts';
import { SocketEnd } from '../support/ends.ts';
import type { ModelEnd } from './ends.ts';

/** A Unix socket as an end that looks at all of what it sends and receives. */
export class SocketModelEnd extends SocketEnd implements ModelEnd {
  protected override readonly data: string = '\x07';

  override sendMessage(...args: Parameters<SocketEnd['sendMessage']>): number {
    return this.#allOf(super.sendMessage(...args));
  }

  override trySendMessage(...args: Parameters<SocketEnd['trySendMessage']>): number | undefined {
    const bytes = super.trySendMessage(...args);
    return bytes === undefined ? undefined : this.#allOf(bytes);
  }

  override async sendMessageAsync(...args: Parameters<SocketEnd['sendMessageAsync']>): Promise<number> {
    return this.#allOf(await super.sendMessageAsync(...args));
  }

  override recvMessage(...args: Parameters<SocketEnd['recvMessage']>): Message | null {
    return this.#looked(super.recvMessage(...args));
  }

  override tryRecvMessage(
    ...args: Parameters<SocketEnd['tryRecvMessage']>
  ): ReturnType<SocketEnd['tryRecvMessage']> {
    const message = super.tryRecvMessage(...args);
    return message === undefined ? undefined : this.#looked(message);
  }

  override async recvMessageAsync(
    ...args: Parameters<SocketEnd['recvMessageAsync']>
  ): Promise<Message | null> {
    return this.#looked(await super.recvMessageAsync(...args));
  }

  #allOf(bytes: number): number {
    const { length } = this.data;
    if (bytes !== length) throw new Error(`${bytes} of ${length} bytes were sent`);
    return bytes;
  }

  #looked(message: Message | null): Message | null {
    if (message === null) return null;
    const { data, fds, truncated, from } = message;
    if (truncated || from !== undefined) throw new Error(`a strange message: ${JSON.stringify(message)}`);
    // On a stream, bytes without a descriptor may have run into those.
    const own = this.type === 'stream' ? data.subarray(-this.data.length) : data;
    if (fds.length === 1 && own.toString('latin1') !== this.data) {
      throw new Error(`not what was sent: ${data.toString('hex')}`);
    }
    return message;
  }
}
