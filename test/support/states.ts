import type { Endpoint } from '../../src/index.ts';
import { fill } from './raw.ts';

/** How an endpoint gets into each state; `own` is the one that is looked at, `file` a descriptor to send. */
export const states = {
  open: () => {},
  queued: (_, peer, file) => peer.sendFD(file),
  full: (own, _, file) => void fill(own, file),
  'waiting to receive': (own) => void own.recvFDAsync().catch(() => {}),
  'waiting to send': (own, _, file) => {
    fill(own, file);
    own.sendFDAsync(file).catch(() => {});
  },
  'peer shut down': (_, peer) => peer.shutdown(),
  'shut down': (own) => own.shutdown(),
  'peer gone': (_, peer) => peer.destroy(),
  'peer gone, descriptor queued': (_, peer, file) => {
    peer.sendFD(file);
    peer.destroy();
  },
  'peer gone with ours unread': (own, peer, file) => {
    own.sendFD(file);
    peer.destroy();
  },
  destroyed: (own) => own.destroy(),
  detached: (own) => void own.detach(),
} satisfies Record<string, (own: Endpoint, peer: Endpoint, file: number) => void>;

export type State = keyof typeof states;
