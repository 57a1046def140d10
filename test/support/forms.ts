import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { DescriptorSource } from '../../src/index.ts';
import type { End, Kind } from './ends.ts';
import { assertRefused, assertRejects, type Refusal } from './refusals.ts';

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
