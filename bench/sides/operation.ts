import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';

/** The parts of a pass that are timed, each by itself and together. */
export type Operation = 'pass' | 'send' | 'receive' | 'close' | 'would-block';

/** How many descriptors are sent before they are received: fewer packets than a socket holds. */
export const CHUNK = 200;

/** One way to do every operation, each in a loop of its own. */
export interface Implementation {
  readonly name: string;
  /** Sends, receives and closes. */
  pass(count: number): void;
  send(count: number): void;
  /** Receives, and keeps what it received for `release`. */
  receive(count: number): void;
  /** Closes the last that were received. */
  release(count: number): void;
  /** Tries to receive where nothing is. */
  wouldBlock(count: number): void;
  /** Closes the channel. */
  close(): void;
}

/** Times one operation of an implementation, and prepares and clears up untimed what it needs. */
export function sideOf(implementation: Implementation, operation: Operation): Side {
  const { name, pass, send, receive, release, wouldBlock, close } = implementation;
  switch (operation) {
    case 'pass':
      return local({ name, run: pass, close });
    case 'would-block':
      return local({ name, run: wouldBlock, close });
    case 'send':
      return local({
        name,
        chunk: CHUNK,
        run: send,
        after: (count) => {
          receive(count);
          release(count);
        },
        close,
      });
    case 'receive':
      return local({ name, chunk: CHUNK, before: send, run: receive, after: release, close });
    case 'close':
      return local({
        name,
        chunk: CHUNK,
        before: (count) => {
          send(count);
          receive(count);
        },
        run: release,
        close,
      });
  }
}
