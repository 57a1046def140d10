import { closeSync, openSync } from 'node:fs';
import { localAsync } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { BareEndpoint, calls, close, socketpair } from './bare-endpoint.ts';

/** A pass that koffi's own poll wakes: what is left of an awaited receive when the library is taken away. */
export function barePollPass(name: string): Side {
  const [left, right] = socketpair('seqpacket');
  const [near, far] = [new BareEndpoint(left, 'seqpacket'), new BareEndpoint(right, 'seqpacket')];
  const source = openSync('/dev/null', 'r');
  let arrived: ((fd: number) => void) | undefined;
  const poll = calls().poll(right, { readable: true }, () => arrived?.(far.tryReceive()));
  return localAsync({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = new Promise<number>((resolve) => {
          arrived = resolve;
        });
        near.send(source);
        close(await arrival);
      }
    },
    close() {
      poll.close();
      near.close();
      far.close();
      closeSync(source);
    },
  });
}
