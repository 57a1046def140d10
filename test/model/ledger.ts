import type { Answers } from './command.ts';
import { describe, Fault, Trace } from './fault.ts';
import type { EndName } from './history.ts';
import type { Rules } from './kernel.ts';
import { Impossible, Model } from './model.ts';
import type { Operation } from './operation.ts';
import { ABORTED, CALLED, type Outcome, tagIn, takes } from './outcome.ts';

/** What happened, in numbers. */
export interface Counts {
  steps: number;
  calls: number;
  /** Messages that were received, whatever was in them. */
  taken: number;
  descriptors: number;
  /** Calls that were not over when the event loop turned. */
  waits: number;
  aborts: number;
  kills: number;
}

/** An operation without an answer. */
interface Entry {
  readonly operation: Operation;
  /** The form of a call. */
  readonly form: string | undefined;
  /** Its thread is not known to have called it. */
  isUncalled: boolean;
  /** The event loop has turned since. */
  isWaiting: boolean;
}

/** What was begun and what it came to, as the main thread sees it. It tells the model, and waits for what must come. */
export class Ledger {
  readonly model: Model;
  readonly trace = new Trace();
  readonly counts: Counts = {
    steps: 0,
    calls: 0,
    taken: 0,
    descriptors: 0,
    waits: 0,
    aborts: 0,
    kills: 0,
  };
  readonly #patience: number;
  readonly #open = new Map<number, Entry>();
  #uncalled = 0;
  /** What ends the history early: a {@link Fault}, or that the model gave up. */
  #fault: unknown;
  #wake: () => void = () => {};

  /** @param patience milliseconds after which a call that must come to an end counts as stalled */
  constructor(rules: Rules, patience: number) {
    this.model = new Model(rules);
    this.#patience = patience;
  }

  /** How many operations their threads are not known to have called. */
  get uncalled(): number {
    return this.#uncalled;
  }

  /** Whether a call of this form has no answer. */
  isIn(end: EndName, form: string): boolean {
    return [...this.#open.values()].some((entry) => entry.operation.end === end && entry.form === form);
  }

  begin(operation: Operation, form?: string): void {
    this.counts.calls++;
    this.#uncalled++;
    this.#open.set(operation.id, { operation, form, isUncalled: true, isWaiting: false });
    this.model.begin(operation);
  }

  answer(answers: Answers): void {
    for (const [id, outcome] of answers) {
      const entry = this.#open.get(id);
      if (entry) this.#answer(entry, outcome);
      else this.fail(new Fault('answer', `${outcome} for an operation that has its answer`));
    }
    this.#wake();
  }

  /** The process of an end is gone, and with it all that it has not told. */
  drop(end: EndName): void {
    this.model.drop(end);
    for (const entry of this.#open.values()) if (entry.operation.end === end) this.#close(entry);
    this.#wake();
  }

  /** Waits until nothing more has to happen. */
  async settle(paused: Iterable<EndName>): Promise<void> {
    this.turn();
    for (;;) {
      this.check();
      if (this.model.isAtRest([...paused])) return;
      if (!(await this.#change())) {
        const due = this.model.due([...paused]).map(describe);
        this.fail(new Fault('stall', `nothing came within ${this.#patience} ms of ${due.join('; ')}`));
      }
    }
  }

  /** Notes that the event loop turns. */
  turn(): void {
    for (const entry of this.#open.values()) entry.isWaiting = true;
  }

  fail(fault: unknown): void {
    this.#fault ??= fault;
    this.#wake();
  }

  /** @throws what ends the history early */
  check(): void {
    if (this.#fault) throw this.#fault;
  }

  #answer(entry: Entry, outcome: Outcome): void {
    if (this.#fault) return;
    const { operation } = entry;
    this.#called(entry);
    if (outcome !== CALLED) {
      this.trace.answer(operation, outcome);
      this.#close(entry);
      if (entry.isWaiting) this.counts.waits++;
      if (takes(outcome)) this.counts.taken++;
      if (tagIn(outcome) !== undefined) this.counts.descriptors++;
      if (outcome === ABORTED) this.counts.aborts++;
    } else if (operation.kind !== 'send') {
      return;
    }
    try {
      this.model.answer(operation.id, outcome);
    } catch (error) {
      const impossible = error instanceof Impossible;
      this.fail(impossible ? new Fault('answer', `${describe(operation)} ${error.message}`) : error);
    }
  }

  #close(entry: Entry): void {
    this.#called(entry);
    this.#open.delete(entry.operation.id);
  }

  #called(entry: Entry): void {
    if (entry.isUncalled) this.#uncalled--;
    entry.isUncalled = false;
  }

  /** Waits for the next answer. @returns false when the time is over */
  #change(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#patience);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}
