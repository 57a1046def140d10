import { closeSync, openSync } from 'node:fs';
import { closeFD, Endpoint, type Framing } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';

export const FDCHANNEL = 'fdchannel';

/** Two connected endpoints, and a descriptor to send between them. */
export interface Channel {
  readonly near: Endpoint;
  readonly far: Endpoint;
  readonly source: number;
  close(): void;
}

/** A channel of the platform's own framing, or of the one that is asked for. */
export function channel(framing?: Framing): Channel {
  const [near, far] = Endpoint.pair(framing);
  const source = openSync('/dev/null', 'r');
  const close = (): void => {
    near.destroy();
    far.destroy();
    closeSync(source);
  };
  return { near, far, source, close };
}

/** Send, receive, close. */
export function pass(name: string, framing?: Framing): Side {
  const { near, far, source, close } = channel(framing);
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        near.sendFD(source);
        closeFD(far.recvFD());
      }
    },
    close,
  });
}

/** A receive that finds nothing. */
export function wouldBlock(name: string): Side {
  const { far, close } = channel();
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        if (far.tryRecvFD() !== undefined) throw new Error('received what nobody sent');
      }
    },
    close,
  });
}

/** A pass within one process whose receive has to wait for the event loop: it is asked for before the send. */
export function wokenPass(name: string): Side {
  const { near, far, source, close } = channel();
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = far.recvFDAsync();
        near.sendFD(source);
        closeFD(await arrival);
      }
    },
    close,
  });
}

/** A pass within one process whose descriptor is there already when it is asked for. */
export function pendingPass(name: string): Side {
  const { near, far, source, close } = channel();
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        near.sendFD(source);
        closeFD(await far.recvFDAsync());
      }
    },
    close,
  });
}
