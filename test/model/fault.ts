import type { Step } from './history.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';

/**
 * What can be wrong:
 * - answer: a call came to something that nothing explains
 * - stall: a call that must come to an end did not
 * - left: a descriptor, a listener, a thread or something else was left behind
 * - lost: a thread or process has ended that should not have
 * - stray: something was thrown, or a promise rejected, that no call has told
 */
export type FaultKind = 'answer' | 'stall' | 'left' | 'lost' | 'stray';

/** The implementation did what the model does not allow. */
export class Fault extends Error {
  override readonly name: string = 'Fault';
  readonly kind: FaultKind;

  constructor(kind: FaultKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

type Event =
  | { readonly step: Step; readonly number: number | undefined; readonly skipped: boolean }
  | { readonly answered: Operation; readonly outcome: Outcome };

/** What happened in a history, in the order in which the main thread saw it. */
export class Trace {
  readonly #events: Event[] = [];

  /** @param number that of a step of the history; undefined for those that end it */
  step(step: Step, number: number | undefined, skipped: boolean): void {
    this.#events.push({ step, number, skipped });
  }

  answer(answered: Operation, outcome: Outcome): void {
    this.#events.push({ answered, outcome });
  }

  /** The last events, one a line; what repeats is counted. */
  print(most = 60): string {
    const lines: { text: string; times: number }[] = [];
    for (const text of this.#events.map(show)) {
      const last = lines.at(-1);
      if (last?.text === text) last.times++;
      else lines.push({ text, times: 1 });
    }
    const shown = lines
      .slice(-most)
      .map(({ text, times }) => (times > 1 ? `${text} (${times} times)` : text));
    return [...(lines.length > most ? [`  … ${lines.length - most} lines before`] : []), ...shown].join('\n');
  }
}

/** An operation in words. */
export function describe(operation: Operation): string {
  const { end, kind } = operation;
  const item = operation.kind === 'send' && operation.item > 0 ? ` of ${operation.item}` : '';
  const waits = operation.runs === 'loop' ? ', async' : '';
  return `end ${end}: ${kind}${item}${waits}`;
}

function show(event: Event): string {
  if ('answered' in event) return `      ${describe(event.answered)}: ${event.outcome}`;
  const { step, number, skipped } = event;
  return `  ${number ?? 'at the end'} ${JSON.stringify(step)}${skipped ? ', skipped' : ''}`;
}
