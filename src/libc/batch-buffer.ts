import { type Libc, WOULD_BLOCK } from './calls.ts';
import { Memory } from './memory.ts';
import { MessageBuffer } from './message-buffer.ts';

/**
 * Messages for sendmmsg(2) or recvmmsg(2), in one block that C sees: the array of `mmsghdr`, and behind it what each
 * of them points to. It is built once and used for every call. Where the kernel has neither call, the messages go one
 * by one.
 */
export class BatchBuffer {
  readonly messages: readonly MessageBuffer[];
  readonly #libc: Libc;
  readonly #address: number;
  readonly #words: Int32Array;
  readonly #length: number;
  readonly #stride: number;
  readonly #atOnce: boolean;

  /**
   * @param count how many messages there is room for
   * @param dataBytes the size of each one's data buffer, which may be 0
   * @param controlBytes the size of each one's control buffer
   */
  constructor(libc: Libc, count: number, dataBytes: number, controlBytes: number) {
    const { msghdr, mmsghdr } = libc.layout;
    // Without an ABI to follow, only this class looks behind a msghdr.
    const stride = mmsghdr?.size ?? (msghdr.size + 4 + 7) & ~7;
    const bodyBytes = MessageBuffer.bodyBytes(libc, dataBytes, controlBytes);
    const memory = new Memory(libc.raw, new ArrayBuffer(count * (stride + bodyBytes)));
    this.messages = Array.from({ length: count }, (_, i) => {
      const place = { memory, headerAt: i * stride, bodyAt: count * stride + i * bodyBytes };
      return new MessageBuffer(libc, dataBytes, controlBytes, place);
    });
    this.#libc = libc;
    this.#address = memory.address;
    this.#words = memory.words;
    this.#length = (mmsghdr?.offset.msg_len ?? msghdr.size) / 4;
    this.#stride = stride / 4;
    this.#atOnce = libc.raw.sendmmsg !== undefined && libc.raw.recvmmsg !== undefined;
  }

  /**
   * Sends the first `count` messages, which are in {@link messages}.
   *
   * @returns how many were sent, at least one, or {@link WOULD_BLOCK}; an error behind the first comes with the next call
   */
  send(sockfd: number, count: number, flags: number): number {
    if (this.#atOnce) return this.#libc.sendmmsg(sockfd, this.#address, count, flags);
    return this.#each(count, (message) => this.#libc.sendmsg(sockfd, message.address, flags));
  }

  /**
   * Receives what is there into the first `count` of {@link messages}, and waits for the first message only.
   *
   * @returns how many were received, at least one, or {@link WOULD_BLOCK}; an error behind the first comes with the
   *   next call
   */
  receive(sockfd: number, count: number, flags: number): number {
    if (this.#atOnce) return this.#libc.recvmmsg(sockfd, this.#address, count, flags);
    const { MSG_DONTWAIT } = this.#libc.abi;
    return this.#each(count, (message, i) =>
      this.#libc.recvmsg(sockfd, message.address, i === 0 ? flags : flags | MSG_DONTWAIT),
    );
  }

  /** The bytes of data of a message that was received last. */
  received(index: number): number {
    return this.#words[index * this.#stride + this.#length] as number;
  }

  /** As the kernel does it: stops at an error, and tells it when it was the first message's. */
  #each(count: number, call: (message: MessageBuffer, index: number) => number): number {
    for (let i = 0; i < count; i++) {
      let bytes: number;
      try {
        bytes = call(this.messages[i] as MessageBuffer, i);
      } catch (error) {
        if (i === 0) throw error;
        return i;
      }
      if (bytes === WOULD_BLOCK) return i === 0 ? WOULD_BLOCK : i;
      this.#words[i * this.#stride + this.#length] = bytes;
    }
    return count;
  }
}
