/** What an {@link AbortSignal} can end. */
export interface Abortable {
  abort(reason: unknown): void;
}

/** All that one signal would end. */
class Group {
  readonly members: Set<Abortable> = new Set();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  handleEvent(): void {
    for (const member of this.members) member.abort(this.#signal.reason);
  }
}

const groups = new WeakMap<AbortSignal, Group>();

/**
 * Ends `member` when the signal aborts, until {@link forget}. However many there are, a signal gets one listener:
 * Node warns of more than ten, and looks through all of them to remove one.
 */
export function endOn(signal: AbortSignal, member: Abortable): void {
  let group = groups.get(signal);
  if (!group) {
    group = new Group(signal);
    groups.set(signal, group);
  }
  if (group.members.size === 0) signal.addEventListener('abort', group);
  group.members.add(member);
}

/** Undoes {@link endOn}. */
export function forget(signal: AbortSignal, member: Abortable): void {
  const group = groups.get(signal);
  if (group?.members.delete(member) && group.members.size === 0) signal.removeEventListener('abort', group);
}
