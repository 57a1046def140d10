import { Heads } from './heads.ts';
import type { EndName } from './history.ts';
import { effects, fewestReceives, hasDescriptors, mustEnd, type Rules } from './kernel.ts';
import { type Operation, Pending, type Send } from './operation.ts';
import { isIndependent, mayComeBefore } from './order.ts';
import { CALLED, type Outcome } from './outcome.ts';
import { lengthOf, peerOf, State } from './state.ts';

/** With more states than this, the model gives up: each answer would take seconds. */
const MAX_STATES = 5000;

/** Too much was going on at the same time for the model to follow. */
export class Undecided extends Error {
  override readonly name: string = 'Undecided';
}

/** An answer that no order of the operations explains. */
export class Impossible extends Error {
  override readonly name: string = 'Impossible';
}

/**
 * What the two ends of a pair may have seen so far.
 *
 * An operation takes effect at one moment between its beginning and its answer. Which moment, nobody sees: so the model
 * keeps every state of the sockets that agrees with all answers. An answer that fits none is a fault. Operations
 * without an answer take effect in a state only when another answer needs that.
 */
export class Model {
  readonly #rules: Rules;
  readonly #pending = new Pending();
  #states: ReadonlyMap<string, State>;

  constructor(rules: Rules) {
    this.#rules = rules;
    this.#states = keyed([State.initial()]);
  }

  /** How many operations have no answer. */
  get pending(): number {
    return this.#pending.size;
  }

  /** How many states agree with all answers. */
  get states(): number {
    return this.#states.size;
  }

  begin(operation: Operation): void {
    this.#pending.add(operation.kind === 'send' ? this.#timed(operation) : operation);
  }

  /** A send that may find the socket full is late, whatever else there is to that. */
  #timed(send: Send): Send {
    const before = this.#longest(send.end) + this.#pending.sendsFrom(send.end);
    return before >= this.#rules.capacity ? { ...send, late: true } : send;
  }

  /** @throws Impossible when no state allows the answer */
  answer(id: number, outcome: Outcome): void {
    const operation = this.#pending.get(id);
    if (operation === undefined) throw new Impossible(`operation ${id} was answered twice: ${outcome}`);
    const { reached, possible } = this.#explain(operation, outcome);
    if (reached.size === 0) {
      const choice = possible.size === 0 ? 'that it waits' : [...possible].join(', or ');
      throw new Impossible(`came to ${outcome}, and what went before allows ${choice}`);
    }
    if (outcome !== CALLED) this.#pending.delete(operation);
    this.#states = reached;
  }

  /** Forgets the operations of an end whose process is gone: they happened or not. */
  drop(end: EndName): void {
    const lost = [...this.#pending.all()].filter((operation) => operation.end === end);
    for (const operation of lost) this.#pending.delete(operation);
    const ids = lost.map(({ id }) => id);
    this.#states = keyed([...this.#states.values()].map((state) => state.without(ids)));
  }

  /** Whether it may be that nothing more happens, unless something is begun. */
  isAtRest(paused: readonly EndName[]): boolean {
    return this.#due(paused) === undefined;
  }

  /** The operations that have to be answered, in one of the states. */
  due(paused: readonly EndName[]): Operation[] {
    return this.#due(paused) ?? [];
  }

  /** Whether a call of this end that waits would come to an end at once, whatever has happened. */
  isCertain(end: EndName, kind: 'send' | 'receive'): boolean {
    const others = [...this.#pending.all()].filter((other) => other.kind === kind && other.end === end);
    return [...this.#states.values()].every((state) => {
      const before = others.filter(({ id }) => !state.isDone(id)).length;
      if (!state.ends[end].open) return true;
      if (kind === 'receive') {
        const lane = state.lanes[peerOf(end)];
        return lane.over || fewestReceives(lane, this.#rules) > before;
      }
      const lane = state.lanes[end];
      return lane.closed || lengthOf(lane) + before < this.#rules.capacity;
    });
  }

  /** The most messages that may lie before an end, those included that come as soon as there is room. */
  most(end: EndName): number {
    const sends = [...this.#pending.all()].filter(({ kind, end: from }) => kind === 'send' && from !== end);
    const counts = [...this.#states.values()].map((state) => {
      const heads = new Heads(this.#pending, state);
      const waits = sends.filter((send) => !state.isDone(send.id) && heads.canGoOn(send));
      return lengthOf(state.lanes[peerOf(end)]) + waits.length;
    });
    return Math.max(0, ...counts);
  }

  /** How many calls wait on an end's event loop, or are about to. */
  waits(end: EndName): number {
    return this.#pending.waitsOf(end).length;
  }

  /** The fewest messages that may lie before an end. */
  least(end: EndName): number {
    return Math.min(...[...this.#states.values()].map((state) => lengthOf(state.lanes[peerOf(end)])));
  }

  isOpen(end: EndName): boolean {
    return [...this.#states.values()].some((state) => state.ends[end].open);
  }

  /** Whether an operation of the end keeps its thread. */
  isBusy(end: EndName): boolean {
    return this.#pending.at(end).thread.length > 0;
  }

  /** Whether a descriptor may lie before the end. */
  mayHold(end: EndName): boolean {
    return [...this.#states.values()].some((state) => hasDescriptors(state.lanes[peerOf(end)]));
  }

  /** The most messages that may lie in a lane. */
  #longest(lane: EndName): number {
    return Math.max(...[...this.#states.values()].map((state) => lengthOf(state.lanes[lane])));
  }

  #due(paused: readonly EndName[]): Operation[] | undefined {
    let first: Operation[] | undefined;
    const seen = new Set<string>();
    const next = [...this.#states.values()];
    for (let state = next.pop(); state !== undefined && seen.size < MAX_STATES; state = next.pop()) {
      if (seen.has(state.key)) continue;
      seen.add(state.key);
      const heads = new Heads(this.#pending, state);
      const due = [...this.#pending.all()].filter(
        (operation) => !paused.includes(operation.end) && this.#isDue(state, heads, operation),
      );
      if (due.length === 0) return undefined;
      first ??= due;
      // What was served before its thread got into a call tells that only after the call.
      const untold = heads.next.filter(({ runs, end }) => runs === 'loop' && heads.isInCall(end));
      next.push(...untold.flatMap((operation) => this.#effects(state, heads, operation)));
    }
    return first;
  }

  #isDue(state: State, heads: Heads, operation: Operation): boolean {
    if (!heads.canGoOn(operation)) return false;
    if (state.done.has(operation.id)) return true;
    return mustEnd(state, operation, heads.hasTurn(operation), this.#rules);
  }

  /** Every state after the operation came to the outcome, and all that it may have come to. */
  #explain(
    operation: Operation,
    outcome: Outcome,
  ): { reached: Map<string, State>; possible: ReadonlySet<Outcome> } {
    const { id } = operation;
    const question = { operation, outcome, pending: this.#pending, rules: this.#rules };
    const reached = new Map<string, State>();
    const possible = new Set<Outcome>();
    const seen = new Set<string>();
    // Asleep: to take effect here would be the same as to do so before the step that led here, which was tried.
    const next = [...this.#states.values()].map((state) => ({ state, asleep: false }));
    for (let at = next.pop(); at !== undefined; at = next.pop()) {
      const { state, asleep } = at;
      const key = asleep ? `${state.key} asleep` : state.key;
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > MAX_STATES) throw new Undecided(`more than ${MAX_STATES} states`);
      if (outcome === CALLED && state.ends[operation.end].called >= id) {
        reached.set(state.key, state);
        continue;
      }
      if (state.isDone(id)) {
        const came = state.done.get(id) as Outcome;
        possible.add(came);
        if (came !== outcome) continue;
        const after = state.without([id]);
        reached.set(after.key, after);
        continue;
      }
      const heads = new Heads(this.#pending, state);
      const direct = this.#effects(state, heads, operation);
      if (!asleep) next.push(...direct.map((after) => ({ state: after, asleep: false })));
      const explained = direct.some((after) => after.done.get(id) === outcome);
      for (const other of mayComeBefore(question, state, heads, explained)) {
        const same = direct.length > 0 && isIndependent(other, question, state);
        for (const after of this.#effects(state, heads, other)) next.push({ state: after, asleep: same });
      }
    }
    return { reached, possible };
  }

  #effects(state: State, heads: Heads, operation: Operation): State[] {
    if (!heads.hasBegun(operation)) return [];
    return effects(state, operation, heads.hasTurn(operation), this.#pending, this.#rules);
  }
}

function keyed(states: readonly State[]): Map<string, State> {
  return new Map(states.map((state) => [state.key, state]));
}
