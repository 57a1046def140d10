import { closeFD } from '../../src/index.ts';
import { localAsync } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { channel } from './fdchannel.ts';

/** A pass within one process whose receive has to wait for the event loop: it is asked for before the send. */
export function wokenPass(name: string): Side {
  const { near, far, source, close } = channel();
  return localAsync({
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
  return localAsync({
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
