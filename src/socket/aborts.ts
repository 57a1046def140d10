import { addAbortListener } from 'node:events';

/** What an {@link AbortSignal} can end. */
export interface Abortable {
  abort(reason: unknown): void;
}

/** All that one signal would end. */
class Group {
  readonly members: Set<Abortable> = new Set();
  readonly #signal: AbortSignal;
  #listener: Disposable | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  listen(): void {
    // Unlike addEventListener, this hears the event although an earlier listener stopped its propagation.
    this.#listener = addAbortListener(this.#signal, this.#onEvent);
  }

  readonly #onEvent = (): void => {
    // Anyone may dispatch an event of this name. It has removed the listener.
    if (!this.#signal.aborted) this.listen();
    else for (const member of this.members) member.abort(this.#signal.reason);
  };

  unlisten(): void {
    try {
      this.#listener?.[Symbol.dispose]();
    } catch {
      // A signal whose removeEventListener throws keeps a listener without members.
    }
  }
}

const groups = new WeakMap<AbortSignal, Group>();

/**
 * Ends `member` when the signal aborts, until {@link offAbort}. However many members there are, a signal gets one
 * listener: Node warns of more than ten, and looks through all of them to remove one.
 *
 * @throws what the signal's own addEventListener throws; `member` is then not remembered
 */
export function onAbort(signal: AbortSignal, member: Abortable): void {
  let group = groups.get(signal);
  if (!group) {
    group = new Group(signal);
    groups.set(signal, group);
  }
  if (group.members.size === 0) group.listen();
  group.members.add(member);
  // The signal's own addEventListener may have aborted it.
  if (signal.aborted) member.abort(signal.reason);
}

/** Undoes {@link onAbort}. */
export function offAbort(signal: AbortSignal, member: Abortable): void {
  const group = groups.get(signal);
  if (group?.members.delete(member) && group.members.size === 0) group.unlisten();
}
