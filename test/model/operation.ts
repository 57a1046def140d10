import type { EndName } from './history.ts';
import type { Outcome } from './outcome.ts';

interface Common {
  /** Grows with the order in which operations began. */
  readonly id: number;
  readonly end: EndName;
}

/** A call that sends or receives one message. */
interface Call extends Common {
  /** On the end's own thread, which it keeps until it is over, or on the event loop of that thread. */
  readonly runs: 'thread' | 'loop';
  /** What it comes to where it would have to wait. @default it waits */
  readonly otherwise?: Outcome | undefined;
  /** What it comes to when the channel has ended. */
  readonly ended: Outcome;
  readonly signal?: number | undefined;
  /** Of a call for many, where it may end before it comes to this one. */
  readonly spare?: boolean;
}

export interface Send extends Call {
  readonly kind: 'send';
  /** What is put into the socket: a tag, or one of the items of state.ts. */
  readonly item: number;
  /** It may have to wait, because the socket may be full by then, or the turn of the loop used up. */
  readonly late?: boolean;
}

export interface Receive extends Call {
  readonly kind: 'receive';
}

/** What is done to an end, or to the process that it lives in. `touch` is what changes nothing. */
export interface Control extends Common {
  readonly kind: 'shutdown' | 'destroy' | 'kill' | 'readopt' | 'touch' | 'exhaust' | 'relieve';
  /** On the end's own thread, or somewhere else. */
  readonly runs: 'thread' | 'elsewhere';
  /** What it comes to when the end is closed. @default it succeeds all the same */
  readonly refusal?: Outcome | undefined;
}

export interface Abort extends Common {
  readonly kind: 'abort';
  readonly runs: 'thread';
  readonly signal: number;
}

export type Transfer = Send | Receive;

/** Something that happens at one end, between its beginning and its answer, at one moment. */
export type Operation = Transfer | Control | Abort;

export function isTransfer(operation: Operation): operation is Transfer {
  return operation.kind === 'send' || operation.kind === 'receive';
}

function isControl(operation: Operation): boolean {
  return !isTransfer(operation) && operation.kind !== 'touch';
}

/** What was begun at one end and has no answer, in the order of its beginning. */
class Begun {
  readonly thread: Operation[] = [];
  readonly elsewhere: Operation[] = [];
  /** What waits on the event loop. */
  readonly send: Operation[] = [];
  readonly receive: Operation[] = [];
  readonly lists: readonly Operation[][] = [this.thread, this.elsewhere, this.send, this.receive];

  of(operation: Operation): Operation[] {
    if (operation.runs === 'elsewhere') return this.elsewhere;
    if (operation.runs === 'thread') return this.thread;
    return operation.kind === 'send' ? this.send : this.receive;
  }
}

/** Every operation that was begun and has no answer. */
export class Pending {
  readonly #byId = new Map<number, Operation>();
  readonly #ends: readonly [Begun, Begun] = [new Begun(), new Begun()];
  readonly #controls: [number, number] = [0, 0];

  get size(): number {
    return this.#byId.size;
  }

  /** How many of them change what transfers come to. */
  get controls(): number {
    return this.#controls[0] + this.#controls[1];
  }

  /** How many of them change what one end's transfers come to, and may come before any of these. */
  controlsAgainst(end: EndName): number {
    return this.#controls[end === 0 ? 1 : 0] + this.#ends[end].elsewhere.length;
  }

  get(id: number): Operation | undefined {
    return this.#byId.get(id);
  }

  add(operation: Operation): void {
    this.#byId.set(operation.id, operation);
    if (isControl(operation)) this.#controls[operation.end]++;
    this.#ends[operation.end].of(operation).push(operation);
  }

  delete(operation: Operation): void {
    this.#byId.delete(operation.id);
    if (isControl(operation)) this.#controls[operation.end]--;
    const list = this.#ends[operation.end].of(operation);
    list.splice(list.indexOf(operation), 1);
  }

  all(): IterableIterator<Operation> {
    return this.#byId.values();
  }

  /** What an end waits for on its event loop. */
  waitsOf(end: EndName): Transfer[] {
    const { send, receive } = this.#ends[end];
    return [...send, ...receive].filter(isTransfer);
  }

  /** How many sends of an end have no answer. */
  sendsFrom(end: EndName): number {
    const { thread, send } = this.#ends[end];
    return send.length + thread.filter(({ kind }) => kind === 'send').length;
  }

  /** How many receives of an end have no answer. */
  receivesAt(end: EndName): number {
    const { thread, receive } = this.#ends[end];
    return receive.length + thread.filter(({ kind }) => kind === 'receive').length;
  }

  at(end: EndName): Begun {
    return this.#ends[end];
  }
}
