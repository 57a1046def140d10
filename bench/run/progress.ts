/** Where the run is: one line that is written over on a terminal, nothing in between elsewhere. */
export class Progress {
  readonly #terminal = process.stdout.isTTY === true;
  #shown = false;

  /** Shows a state, until the next one or the next line. */
  show(text: string): void {
    if (!this.#terminal) return;
    this.#clear();
    process.stdout.write(text.slice(0, (process.stdout.columns || 80) - 1));
    this.#shown = true;
  }

  /** Writes a line that stays. */
  line(text = ''): void {
    this.#clear();
    process.stdout.write(`${text}\n`);
  }

  #clear(): void {
    if (this.#shown) process.stdout.write('\r\x1b[2K');
    this.#shown = false;
  }
}
