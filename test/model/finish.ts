import { Fault } from './fault.ts';
import { ENDS } from './history.ts';
import type { Play } from './play.ts';

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
    await play.step({ do: play.readsAhead ? 'destroy' : 'shutdown', end: closer });
    await play.settle();
  }
  const form = formOf(play);
  for (const end of play.free) {
    await play.step({ do: 'receive', end, form });
    await play.step({ do: 'send', end, form: 'async' });
  }
  await play.settle();
  for (const end of ENDS) await play.step({ do: 'destroy', end });
  await play.settle();
  if (play.ledger.model.pending > 0)
    throw new Fault('stall', 'a call is not over although both ends are closed');
}

function formOf({ readsAhead }: Play): 'try' | 'async' {
  return readsAhead ? 'async' : 'try';
}

/** Receives until nothing is there, nor waits for room. */
async function drain(play: Play): Promise<void> {
  const { model, counts } = play.ledger;
  // Once nothing may be there because it is still on its way.
  for (let vain = 0; vain < 2; ) {
    const held = play.free.filter((end) => model.most(end) > 0);
    if (held.length === 0) return;
    const before = counts.taken;
    for (const end of held) {
      await play.step({ do: 'receive', end, form: formOf(play), count: Math.max(1, model.least(end)) });
    }
    await play.settle();
    vain = counts.taken > before ? 0 : vain + 1;
  }
}
