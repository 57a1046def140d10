import { closeSync, openSync } from 'node:fs';
import { type Message, type SocketType, UnixSocket } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';

/** A message of a few bytes, as most are. */
export const SMALL = 64;

/** What a message has in it. */
export interface Content {
  /** @default 'seqpacket' */
  readonly type?: SocketType;
  readonly bytes: number;
  /** @default 0 */
  readonly descriptors?: number;
}

/** Two connected sockets, and what is sent between them. */
export interface MessagePair {
  readonly near: UnixSocket;
  readonly far: UnixSocket;
  readonly data: Buffer;
  readonly sources: readonly number[];
  close(): void;
}

export function messagePair({ type = 'seqpacket', bytes, descriptors = 0 }: Content): MessagePair {
  const [near, far] = UnixSocket.pair(type);
  const source = openSync('/dev/null', 'r');
  return {
    near,
    far,
    data: Buffer.alloc(bytes, 'x'),
    sources: Array<number>(descriptors).fill(source),
    close() {
      near.destroy();
      far.destroy();
      closeSync(source);
    },
  };
}

/** Sends a message, receives it, and closes its descriptors. */
export function exchange(name: string, content: Content): Side {
  const { near, far, data, sources, close } = messagePair(content);
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        near.sendMessage(data, sources);
        // A stream may divide it.
        for (let left = data.length; left > 0; ) left -= taken(far.recvMessage());
      }
    },
    close,
  });
}

/** The same with the data received in memory that is there already. */
export function exchangeInto(name: string, content: Content): Side {
  const { near, far, data, sources, close } = messagePair(content);
  const options = { into: Buffer.alloc(data.length) };
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        near.sendMessage(data, sources);
        for (let left = data.length; left > 0; ) left -= taken(far.recvMessage(options));
      }
    },
    close,
  });
}

/** A message that is there already when it is asked for on the event loop. */
export function pendingExchange(name: string, content: Content): Side {
  const { near, far, data, sources, close } = messagePair(content);
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        near.sendMessage(data, sources);
        taken(await far.recvMessageAsync());
      }
    },
    close,
  });
}

/** A message whose receive has to wait for the event loop: it is asked for before the send. */
export function wokenExchange(name: string, content: Content): Side {
  const { near, far, data, sources, close } = messagePair(content);
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = far.recvMessageAsync();
        near.sendMessage(data, sources);
        taken(await arrival);
      }
    },
    close,
  });
}

/** Closes the descriptors of a message. @returns its bytes */
function taken(message: Message | null): number {
  if (message === null) throw new Error('received the end, which nobody sent');
  message[Symbol.dispose]();
  return message.data.length;
}
