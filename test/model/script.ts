import type { EndName } from './history.ts';
import type { Rules } from './kernel.ts';
import { Model } from './model.ts';
import type { Control, Operation, Send } from './operation.ts';
import { ENDED, FULL, NOTHING, type Outcome } from './outcome.ts';

/** Room for two, so that few words fill it. */
const CAPACITY = 2;

/** Tells the model what happened, in the order in which it was seen. */
export class Script {
  readonly model: Model;
  #id = 0;

  constructor(rules: Partial<Rules> = {}) {
    this.model = new Model({
      type: 'seqpacket',
      readBytes: 8,
      readsAhead: false,
      capacity: CAPACITY,
      privileged: true,
      held: false,
      ...rules,
    });
  }

  /** Something begins, and its answer comes at once. */
  did(operation: (id: number) => Operation, outcome: Outcome): this {
    return this.came(this.begins(operation), outcome);
  }

  /** Something begins. @returns its number */
  begins(operation: (id: number) => Operation): number {
    const begun = operation(++this.#id);
    this.model.begin(begun);
    return begun.id;
  }

  came(id: number, outcome: Outcome): this {
    this.model.answer(id, outcome);
    return this;
  }
}

export type Making = (id: number) => Operation;

export const trySend =
  (end: EndName, item: number): Making =>
  (id) => ({ kind: 'send', id, end, runs: 'thread', item, otherwise: FULL, ended: ENDED });
export const sendAsync =
  (end: EndName, item: number, more: Partial<Send> = {}): Making =>
  (id) => ({ kind: 'send', id, end, runs: 'loop', item, ended: ENDED, ...more });
export const tryReceive =
  (end: EndName): Making =>
  (id) => ({ kind: 'receive', id, end, runs: 'thread', otherwise: NOTHING, ended: ENDED });
export const receive =
  (end: EndName): Making =>
  (id) => ({ kind: 'receive', id, end, runs: 'thread', ended: ENDED });
export const receiveAsync =
  (end: EndName, signal?: number): Making =>
  (id) => ({ kind: 'receive', id, end, runs: 'loop', ended: ENDED, signal });
export const abort =
  (end: EndName, signal: number): Making =>
  (id) => ({ kind: 'abort', id, end, runs: 'thread', signal });
export const control =
  (end: EndName, kind: Control['kind']): Making =>
  (id) => ({ kind, id, end, runs: kind === 'kill' ? 'elsewhere' : 'thread' });
