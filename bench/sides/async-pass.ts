import { closeSync, openSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { type LocalOperation, localAsync } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { endpoints } from './fdchannel.ts';

/** A pass within one process whose receive has to wait for the event loop: it is asked for before the send. */
export function wokenPass(name: string): Side {
  return onOneLoop(name, (near, far, source) => async (count) => {
    for (let i = 0; i < count; i++) {
      const arrival = far.recvFDAsync();
      near.sendFD(source);
      closeFD(await arrival);
    }
  });
}

/** A pass within one process whose descriptor is there already when it is asked for. */
export function pendingPass(name: string): Side {
  return onOneLoop(name, (near, far, source) => async (count) => {
    for (let i = 0; i < count; i++) {
      near.sendFD(source);
      closeFD(await far.recvFDAsync());
    }
  });
}

type Ends = ReturnType<typeof endpoints>;
type Run = LocalOperation['run'] & ((count: number) => Promise<void>);

function onOneLoop(name: string, runOf: (near: Ends[0], far: Ends[1], source: number) => Run): Side {
  const [near, far] = endpoints();
  const source = openSync('/dev/null', 'r');
  return localAsync({
    name,
    run: runOf(near, far, source),
    close() {
      near.destroy();
      far.destroy();
      closeSync(source);
    },
  });
}
