import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import type { End, Kind } from './ends.ts';
import { givings, takings } from './forms.ts';
import { startProcess } from './processes.ts';
import { hasHungUp } from './raw.ts';
import { turns } from './waits.ts';

/** How the channel of two ends comes to its end. */
export interface Ending {
  readonly name: string;
  end(own: End, peer: End): unknown;
  /** Whether the peer is still there afterwards, and receives what was sent before. */
  readonly peerStays: boolean;
}

export const endings: readonly Ending[] = [
  { name: 'its own shutdown', end: (own) => own.shutdown(), peerStays: true },
  { name: 'the shutdown of its peer', end: (_, peer) => peer.shutdown(), peerStays: true },
  { name: 'its peer destroyed', end: (_, peer) => peer.destroy(), peerStays: false },
  { name: 'the process of its peer killed', end: kill, peerStays: false },
];

/** Leaves the socket of the peer to another process alone, and kills that. */
async function kill(own: End, peer: End): Promise<void> {
  const holder = startProcess('sleep', ['600'], { fds: [peer.fd] });
  peer.destroy();
  await turns();
  assert.equal(hasHungUp(own.fd), false, 'the process holds the socket open');
  holder.child.kill('SIGKILL');
  await holder.exit;
}

/** The ways in which an end gives its socket up, which is closed then, and what it says it is afterwards. */
export const waysOut: readonly [way: string, giveUp: (end: End) => void, past: 'destroyed' | 'detached'][] = [
  ['destroy', (end) => end.destroy(), 'destroyed'],
  ['dispose', (end) => end[Symbol.dispose](), 'destroyed'],
  ['detach', (end) => closeFD(end.detach()), 'detached'],
];

/** Makes sure that nothing is left in those of the ends that are open, and that every form says so again and again. */
export async function assertEnded(kind: Kind, ...ends: readonly End[]): Promise<void> {
  for (const end of ends) {
    if (end.fd < 0) continue;
    for (const form of [...takings(kind), ...givings(kind)]) {
      for (let i = 0; i < 3; i++) await form.assertOver(end);
    }
  }
}
