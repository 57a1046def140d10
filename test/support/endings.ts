import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { closeFD, type DescriptorSource } from '../../src/index.ts';
import type { End, Kind } from './ends.ts';
import { startProcess } from './processes.ts';
import { hasHungUp } from './raw.ts';
import { assertRefused, assertRejects, type Refusal } from './refusals.ts';
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

/** A form of receiving, whether it waits or not. */
export interface Taking {
  readonly form: string;
  take(end: End): number | Promise<number>;
  /** Makes sure that it takes nothing, and says why. */
  assertRefuses(end: End, refusal: Refusal): void | Promise<void>;
  /** Makes sure that it says that the channel has ended. */
  assertOver(end: End): void | Promise<void>;
}

export function takings({ receivers, ended }: Kind): Taking[] {
  const next = async (end: End): Promise<number> => (await end.iterate().next()).value as number;
  return [
    ...receivers.map(({ form, receive }) => ({
      form,
      take: receive as Taking['take'],
      assertRefuses: (end: End, refusal: Refusal) => assertRefused(() => receive(end), refusal, form),
      assertOver: (end: End) => assertRefused(() => receive(end), ended.receive, form),
    })),
    {
      form: 'receiveAsync',
      take: (end) => end.receiveAsync(),
      assertRefuses: (end, refusal) => assertRejects(end.receiveAsync(), refusal, 'receiveAsync'),
      assertOver: (end) => assertRejects(end.receiveAsync(), ended.receive, 'receiveAsync'),
    },
    {
      form: 'iterate',
      take: next,
      assertRefuses: (end, refusal) => assertRejects(next(end), refusal, 'iterate'),
      assertOver: async (end) =>
        assert.deepEqual(await end.iterate().next(), { done: true, value: undefined }, 'iterate'),
    },
  ];
}

/** A form of sending. */
export interface Giving {
  readonly form: string;
  give(end: End, source: DescriptorSource): void | Promise<void>;
  /** Makes sure that it sends nothing, and says why. */
  assertRefuses(end: End, source: unknown, refusal: Refusal): void | Promise<void>;
  /** Makes sure that it says that the channel has ended. */
  assertOver(end: End): void | Promise<void>;
}

export function givings({ ended }: Kind): Giving[] {
  const form = (
    name: string,
    give: Giving['give'],
    refused: (call: () => unknown, refusal: Refusal, what: string) => void | Promise<void>,
  ): Giving => ({
    form: name,
    give,
    assertRefuses: (end, source, refusal) =>
      refused(
        () => give(end, source as DescriptorSource),
        refusal,
        `${name} of ${inspect(source, { depth: 0 })}`,
      ),
    assertOver: (end) => refused(() => give(end, 0), ended.send, name),
  });
  return [
    form('send', (end, source) => end.send(source), assertRefused),
    form('send, timeout 0', (end, source) => end.send(source, { timeout: 0 }), assertRefused),
    form('trySend', (end, source) => assert.equal(end.trySend(source), true), assertRefused),
    form(
      'sendAsync',
      (end, source) => end.sendAsync(source),
      (call, refusal, what) => assertRejects(call() as Promise<unknown>, refusal, what),
    ),
  ];
}

/** Makes sure that nothing is left in those of the ends that are open, and that every form says so again and again. */
export async function assertEnded(kind: Kind, ...ends: readonly End[]): Promise<void> {
  for (const end of ends) {
    if (end.fd < 0) continue;
    for (const form of [...takings(kind), ...givings(kind)]) {
      for (let i = 0; i < 3; i++) await form.assertOver(end);
    }
  }
}
