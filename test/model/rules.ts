import { closeFD } from '../../src/index.ts';
import { forcedCombination } from '../../src/loop/parts.ts';
import { trySendRaw } from '../support/raw.ts';
import type { Row } from './ends.ts';
import type { Rules } from './kernel.ts';

const known = new Map<string, Rules>();

/** What this host's kernel does with the sockets of a row. */
export function rulesOf(row: Row): Rules {
  let rules = known.get(row.name);
  if (rules === undefined) {
    const { type, readBytes, readsAhead } = row;
    rules = {
      type,
      readBytes,
      readsAhead,
      capacity: capacityOf(row),
      privileged: process.getuid?.() === 0,
      // Linux polls files, which a close() in another thread leaves to it.
      held: process.platform === 'linux' && forcedCombination() === 'poll+thread',
    };
    known.set(row.name, rules);
  }
  return rules;
}

/** How many messages fit into one direction; the kernel charges the same for each of the model's. */
function capacityOf(row: Row): number {
  const [a, b] = row.pair();
  let count = 0;
  while (trySendRaw(a, 1, [0])) count++;
  closeFD(a);
  closeFD(b);
  return count;
}
