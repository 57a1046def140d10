import { Fault } from './fault.ts';
import { ENDS } from './history.ts';
import type { Play } from './play.ts';

/** More rounds than it takes to empty the fullest socket, and what waits to get into it. */
const ROUNDS = 100;

/**
 * Brings a history to its end: everything that was sent and may still arrive is received, everything that waits is
 * ended, and both ends are closed.
 *
 * @throws Fault
 */
export async function finish(play: Play): Promise<void> {
  for (const end of ENDS) {
    if (play.paused.has(end)) await play.step({ do: 'resume', end });
    if (play.hosts[end].place === 'limited') await play.step({ do: 'relieve', end });
  }
  await play.settle();
  await drain(play);
  const [closer] = play.free;
  if (closer !== undefined) {
    await play.step({ do: 'shutdown', end: closer });
    await play.settle();
  }
  for (const end of play.free) {
    await play.step({ do: 'receive', end, form: 'try' });
    await play.step({ do: 'send', end, form: 'async' });
  }
  await play.settle();
  for (const end of ENDS) await play.step({ do: 'destroy', end });
  await play.settle();
  if (play.model.pending > 0) throw new Fault('stall', 'a call is not over although both ends are closed');
}

/** Receives until nothing is there, nor waits for room. */
async function drain(play: Play): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const held = play.free.filter((end) => play.model.most(end) > 0);
    if (held.length === 0) return;
    for (const end of held) {
      await play.step({ do: 'receive', end, form: 'try', count: Math.max(1, play.model.least(end)) });
    }
    await play.settle();
  }
  throw new Fault('stall', `after ${ROUNDS} rounds of receives there is more to come`);
}
