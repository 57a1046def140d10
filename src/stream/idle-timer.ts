import { clearTimeout, setTimeout } from 'node:timers';
import { invalidArgType, outOfRange } from '../errors.ts';

/** Longer timers fire at once. */
const LONGEST = 2 ** 31 - 1;

/** Tells once that nothing has happened for some time, and again after each time that something has. */
export class IdleTimer {
  readonly #onIdle: () => void;
  #ms: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  /** The time in milliseconds; undefined when none was ever set. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** Begins anew with another time; 0 for none. */
  set(ms: number): void {
    const expected = `milliseconds from 0 to ${LONGEST}`;
    if (typeof ms !== 'number') throw invalidArgType('ms', expected, ms);
    if (!(ms >= 0 && ms <= LONGEST)) throw outOfRange('ms', expected, ms);
    this.stop();
    this.#ms = ms;
    if (ms > 0) this.#timer = setTimeout(this.#onIdle, ms).unref();
  }

  /** Something has happened. */
  readonly active = (): void => {
    this.#timer?.refresh();
  };

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
