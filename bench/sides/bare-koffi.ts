import { closeSync, openSync } from 'node:fs';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { Arrivals } from './arrivals.ts';
import { BareEndpoint, calls, close, socketpair } from './bare-endpoint.ts';

/** koffi's own calls: what is left when the library is taken away. */
export const BARE_KOFFI = 'koffi, bare';

/** Two connected ends by koffi's own calls, and a descriptor to send between them. */
export interface BareChannel {
  readonly near: BareEndpoint;
  readonly far: BareEndpoint;
  readonly source: number;
  close(): void;
}

export function bareChannel(): BareChannel {
  const [left, right] = socketpair();
  const [near, far] = [new BareEndpoint(left), new BareEndpoint(right)];
  const source = openSync('/dev/null', 'r');
  const closeAll = (): void => {
    near.close();
    far.close();
    closeSync(source);
  };
  return { near, far, source, close: closeAll };
}

/** Send, receive, close. */
export function barePass(name: string): Side {
  const channel = bareChannel();
  const { near, far, source } = channel;
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        near.send(source);
        close(far.receive());
      }
    },
    close: channel.close,
  });
}

/** A receive that finds nothing. */
export function bareWouldBlock(name: string): Side {
  const { far, close } = bareChannel();
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        if (far.tryReceive() >= 0) throw new Error('received what nobody sent');
      }
    },
    close,
  });
}

/** A pass that koffi's own poll wakes. */
export function barePollPass(name: string): Side {
  const channel = bareChannel();
  const { near, far, source } = channel;
  const arrivals = new Arrivals<number>();
  const poll = calls().poll(far.fd, { readable: true }, () => arrivals.bring(far.tryReceive()));
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = arrivals.next();
        near.send(source);
        close(await arrival);
      }
    },
    close() {
      poll.close();
      channel.close();
    },
  });
}
