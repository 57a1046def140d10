/**
 * Everything that was ever sent in one direction, in order. Logs are immutable, and two with the same items are the
 * same object: {@link id} tells whether two are equal.
 */
export class Log {
  static #made = 0;

  readonly id: number = Log.#made++;
  readonly length: number;
  /** May be longer than this log: shared with those that go on from it. */
  readonly #items: number[];
  readonly #next = new Map<number, Log>();

  constructor(items: number[] = [], length = 0) {
    this.#items = items;
    this.length = length;
  }

  append(item: number): Log {
    let next = this.#next.get(item);
    if (next === undefined) {
      const items = this.#items.length === this.length ? this.#items : this.#items.slice(0, this.length);
      items.push(item);
      next = new Log(items, this.length + 1);
      this.#next.set(item, next);
    }
    return next;
  }

  at(index: number): number {
    return this.#items[index] as number;
  }
}
