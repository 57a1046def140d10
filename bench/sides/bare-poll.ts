import { localAsync } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { calls, close } from './bare-endpoint.ts';
import { bareChannel } from './bare-koffi.ts';

/** A pass that koffi's own poll wakes: what is left of an awaited receive when the library is taken away. */
export function barePollPass(name: string): Side {
  const channel = bareChannel();
  const { near, far, source } = channel;
  let arrived: ((fd: number) => void) | undefined;
  const poll = calls().poll(far.fd, { readable: true }, () => arrived?.(far.tryReceive()));
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
      channel.close();
    },
  });
}
