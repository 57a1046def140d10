/** What a callback of the loop brings, one after the other, for who awaits each. */
export class Arrivals<T> {
  #arrived: ((value: T) => void) | undefined;

  /** The next one. Asked for before what brings it about. */
  next(): Promise<T> {
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  bring(value: T): void {
    this.#arrived?.(value);
  }
}
