import type { EndName } from './history.ts';
import { Log } from './log.ts';
import type { Outcome } from './outcome.ts';

/** What lies in a socket: the tag of a descriptor, or one of these. */
export const EMPTY = 0;
/** Data without a descriptor. */
export const PLAIN = -1;
/** A message with two descriptors. */
export const MANY = -2;

export function carriesDescriptor(item: number): boolean {
  return item > 0 || item === MANY;
}

/** One direction of a pair: from an end to the other. */
export interface Lane {
  readonly sent: Log;
  /** How many of those were taken out again. */
  readonly taken: number;
  /** Nothing more can be sent. */
  readonly closed: boolean;
  /** The receiver is told so, when it has taken everything. */
  readonly over: boolean;
  /** It was full, and has not been emptied to a quarter since: poll(2) says that there is no room. */
  readonly wasFull: boolean;
  /** The receiver may have lost what lies there: a send that fails ends its whole stream. */
  readonly lost: boolean;
}

export interface EndState {
  readonly open: boolean;
  /** Its process has no descriptor left. */
  readonly exhausted: boolean;
  /** A bit for each of its signals. */
  readonly aborted: number;
  /** The last send on its event loop that was called; it waits, if it is not done. */
  readonly called: number;
}

/** An operation whose effect on the other end is still to come, after that on its own. */
export const HALF: Outcome = 'half done';

/** What may be the case at some moment: in the two sockets, and in the operations that have no answer yet. */
export class State {
  /** The lane from each end. */
  readonly lanes: readonly [Lane, Lane];
  readonly ends: readonly [EndState, EndState];
  /** What operations have come to that have not been answered yet, by their ids. */
  readonly done: ReadonlyMap<number, Outcome>;
  readonly #doneHash: number;
  #key: string | undefined;

  private constructor(lanes: State['lanes'], ends: State['ends'], done: State['done'], doneHash: number) {
    this.lanes = lanes;
    this.ends = ends;
    this.done = done;
    this.#doneHash = doneHash;
  }

  /** The state of a new pair. */
  static initial(): State {
    const lane: Lane = { sent: new Log(), taken: 0, closed: false, over: false, wasFull: false, lost: false };
    const end: EndState = { open: true, exhausted: false, aborted: 0, called: 0 };
    return new State([lane, lane], [end, end], new Map(), 0);
  }

  /** The same for equal states, and, but for a chance of one in 2^50, for no others. */
  get key(): string {
    if (this.#key === undefined) {
      const [one, other] = this.lanes.map(laneKey);
      const [here, there] = this.ends.map(endKey);
      this.#key = `${one}|${other}|${here}|${there}|${this.done.size}:${this.#doneHash}`;
    }
    return this.#key;
  }

  isDone(id: number): boolean {
    const outcome = this.done.get(id);
    return outcome !== undefined && outcome !== HALF;
  }

  withLane(which: EndName, change: Partial<Lane>): State {
    return new State(changed(this.lanes, which, change), this.ends, this.done, this.#doneHash);
  }

  withEnd(which: EndName, change: Partial<EndState>): State {
    return new State(this.lanes, changed(this.ends, which, change), this.done, this.#doneHash);
  }

  withDone(id: number, outcome: Outcome): State {
    const before = this.done.get(id);
    const hash = this.#doneHash + hashOf(id, outcome) - (before === undefined ? 0 : hashOf(id, before));
    return new State(this.lanes, this.ends, new Map(this.done).set(id, outcome), hash);
  }

  without(ids: readonly number[]): State {
    if (this.done.size === 0) return this;
    const done = new Map(this.done);
    let hash = this.#doneHash;
    for (const id of ids) {
      const outcome = done.get(id);
      if (outcome === undefined) continue;
      hash -= hashOf(id, outcome);
      done.delete(id);
    }
    return new State(this.lanes, this.ends, done, hash);
  }
}

/** How many messages lie in a lane. */
export function lengthOf(lane: Lane): number {
  return lane.sent.length - lane.taken;
}

/** The other end. */
export function peerOf(end: EndName): EndName {
  return end === 0 ? 1 : 0;
}

function changed<T>(pair: readonly [T, T], which: EndName, change: Partial<T>): [T, T] {
  return which === 0 ? [{ ...pair[0], ...change }, pair[1]] : [pair[0], { ...pair[1], ...change }];
}

function laneKey({ sent, taken, closed, over, wasFull, lost }: Lane): string {
  return `${sent.id}:${taken}:${+closed}${+over}${+wasFull}${+lost}`;
}

function endKey({ open, exhausted, aborted, called }: EndState): string {
  return `${+open}${+exhausted}:${aborted}:${called}`;
}

/** A number of 44 bits: the sum of some hundreds is exact. */
function hashOf(id: number, outcome: Outcome): number {
  let [high, low] = [Math.imul(id, 0x9e3779b1), Math.imul(id, 0x85ebca6b)];
  for (let i = 0; i < outcome.length; i++) {
    high = Math.imul(high ^ outcome.charCodeAt(i), 0x01000193);
    low = Math.imul(low ^ outcome.charCodeAt(i), 0xc2b2ae35) ^ (low >>> 13);
  }
  return (high >>> 10) * 2 ** 22 + (low >>> 10);
}
