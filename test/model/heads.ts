import { ENDS, type EndName } from './history.ts';
import { isTransfer, type Operation, type Pending } from './operation.ts';
import type { State } from './state.ts';

/** What is first in each queue of the operations without an answer, in one state. */
class Queues {
  readonly thread: Operation | undefined;
  readonly elsewhere: Operation | undefined;
  readonly send: Operation | undefined;
  readonly receive: Operation | undefined;
  /** A send of the event loop that its thread has not called. */
  readonly uncalled: Operation | undefined;
  /** What the thread has to get over before it begins anything later. */
  readonly holder: Operation | undefined;

  constructor(pending: Pending, end: EndName, state: State) {
    const { thread, elsewhere, send, receive } = pending.at(end);
    const isUndone = ({ id }: Operation): boolean => !state.isDone(id);
    const { called } = state.ends[end];
    this.thread = thread.find(isUndone);
    this.elsewhere = elsewhere.find(isUndone);
    this.send = send.find(isUndone);
    this.receive = receive.find(isUndone);
    // Mostly all of them were called.
    this.uncalled = (send.at(-1)?.id ?? 0) > called ? send.find(({ id }) => id > called) : undefined;
    this.holder = earlier(this.thread, this.uncalled);
  }
}

/** Where the queues of both ends stand in one state. */
export class Heads {
  readonly #pending: Pending;
  readonly #state: State;
  readonly #ends: readonly [Queues, Queues];

  constructor(pending: Pending, state: State) {
    this.#pending = pending;
    this.#state = state;
    this.#ends = [new Queues(pending, 0, state), new Queues(pending, 1, state)];
  }

  /** The operations that may take effect next. */
  get next(): Operation[] {
    return ENDS.flatMap((end) => {
      const { thread, elsewhere, send, receive, uncalled } = this.#ends[end];
      const first = [thread, elsewhere, send, receive, uncalled === send ? undefined : uncalled];
      return first.filter((one) => one !== undefined);
    });
  }

  holderAt(end: EndName): Operation | undefined {
    return this.#ends[end].holder;
  }

  /** The send that is first on the end's event loop. */
  firstSend(end: EndName): Operation | undefined {
    return this.#ends[end].send;
  }

  /** Whether the thread is in a call. */
  isInCall(end: EndName): boolean {
    const { thread, holder } = this.#ends[end];
    return thread !== undefined && thread === holder;
  }

  /**
   * Whether it has begun, and its thread serves it. As long as the thread is in a call, the event loop neither serves a
   * wait nor tells what one came to.
   */
  canGoOn(operation: Operation): boolean {
    return this.hasBegun(operation) && !(operation.runs === 'loop' && this.isInCall(operation.end));
  }

  /** Whether what its thread did before is over, or waits on the event loop by now. */
  hasBegun({ end, id, runs }: Operation): boolean {
    const { holder } = this.#ends[end];
    return runs === 'elsewhere' || holder === undefined || holder.id >= id;
  }

  /** Waits on the event loop are served first come, first served; the other forms take what is there before them. */
  hasTurn({ end, id, runs, kind }: Operation): boolean {
    if (runs !== 'loop') return true;
    const { send, receive } = this.#ends[end];
    return (kind === 'send' ? send : receive)?.id === id;
  }

  /**
   * How many calls that wait for their peer the thread has to get over before one that does not: that one may find
   * nothing, or no room. Infinity when there is none.
   */
  waitsBeforeTrying(end: EndName, kind: 'send' | 'receive'): number {
    let waits = 0;
    for (const call of this.#pending.at(end).thread) {
      if (!isTransfer(call) || call.kind !== kind || this.#state.isDone(call.id)) continue;
      const isSure = call.kind === 'send' && !call.late && !call.spare;
      if (call.otherwise !== undefined && !isSure) return waits;
      if (call.otherwise === undefined) waits++;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Whether an end holds an operation up that is like this. */
  holdsUp(end: EndName, isLike: (operation: Operation) => boolean): boolean {
    const { holder } = this.#ends[end];
    if (holder === undefined) return false;
    return this.#pending
      .at(end)
      .lists.some((list) =>
        list.some(
          (held) => held.id > holder.id && isTransfer(held) && isLike(held) && !this.#state.isDone(held.id),
        ),
      );
  }
}

function earlier(a: Operation | undefined, b: Operation | undefined): Operation | undefined {
  return a && b ? (a.id < b.id ? a : b) : (a ?? b);
}
