/** A history is what happens to one pair of ends. It is plain data: generated, shrunk, printed and pasted. */

/** One of the two ends of a pair. */
export type EndName = 0 | 1;
export const ENDS: readonly EndName[] = [0, 1];

/** Where an end lives. A limited process is one with few descriptors. */
export const PLACES = ['main', 'worker', 'process', 'limited'] as const;
export type Place = (typeof PLACES)[number];

/** `within` blocks for a limited time, `block` without a limit; `many` takes what goes at once, by one call. */
export const SEND_FORMS = ['block', 'within', 'try', 'many', 'async'] as const;
export type SendForm = (typeof SEND_FORMS)[number];

export const RECEIVE_FORMS = ['block', 'within', 'nonblock', 'try', 'many', 'async', 'iterate'] as const;
export type ReceiveForm = (typeof RECEIVE_FORMS)[number];

/** How a call waits, and what ends its wait. */
interface Waiting {
  /** How many calls in a row, or how many messages the one call of the form `many` is about. @default 1 */
  readonly count?: number;
  /** The timeout of the form `within`. @default 0 */
  readonly ms?: number;
  /** Which of the end's signals the forms `async` and `iterate` get. @default none */
  readonly signal?: number;
}

export interface SendStep extends Waiting {
  readonly do: 'send';
  readonly end: EndName;
  readonly form: SendForm;
}

export interface ReceiveStep extends Waiting {
  readonly do: 'receive';
  readonly end: EndName;
  readonly form: ReceiveForm;
}

/** A message that no end sends: with so many descriptors, none or two, and so many bytes of data. */
export interface LieStep {
  readonly do: 'lie';
  readonly end: EndName;
  readonly bytes: 0 | 1;
  readonly descriptors: 0 | 2;
  readonly count?: number;
}

export interface AbortStep {
  readonly do: 'abort';
  readonly end: EndName;
  readonly signal: number;
}

/**
 * What happens to a whole end or its process.
 *
 * - readopt: the socket is detached, and a new end adopts it
 * - exhaust: the process opens files until it has no descriptor left; relieve: it closes them
 * - kill, pause, resume: SIGKILL, SIGSTOP, SIGCONT
 */
export interface EndStep {
  readonly do: 'shutdown' | 'destroy' | 'readopt' | 'ref' | 'unref' | 'exhaust' | 'relieve';
  readonly end: EndName;
}

/** The main thread shuts down the socket of an end that lives in a worker, by an end of its own. */
export interface ShutdownStep {
  readonly do: 'shutdown from main';
  readonly end: EndName;
}

export interface ProcessStep {
  readonly do: 'kill' | 'pause' | 'resume';
  readonly end: EndName;
}

/** So many signals, each of which interrupts what the process is blocked in. */
export interface StormStep {
  readonly do: 'storm';
  readonly end: EndName;
  readonly count: number;
}

/** Lets the event loop of the main thread turn. */
export interface TurnsStep {
  readonly do: 'turns';
  readonly count: number;
}

/** Waits until every call that must come to an end has done so. */
export interface SettleStep {
  readonly do: 'settle';
}

export type Step =
  | SendStep
  | ReceiveStep
  | LieStep
  | AbortStep
  | EndStep
  | ShutdownStep
  | ProcessStep
  | StormStep
  | TurnsStep
  | SettleStep;

export interface History {
  /** The name of a row: what kind of ends these are. */
  readonly row: string;
  readonly places: readonly [Place, Place];
  readonly steps: readonly Step[];
}

/** The history as JSON, one step a line: it can be pasted into a test, and be read from a file. */
export function printHistory({ row, places, steps }: History): string {
  const lines = steps.map((step, i) => `    ${show(step)}${i + 1 < steps.length ? ',' : ''}`);
  return [
    '{',
    `  "row": ${show(row)},`,
    `  "places": ${show(places)},`,
    '  "steps": [',
    ...lines,
    '  ]',
    '}',
  ].join('\n');
}

function show(value: unknown): string {
  return JSON.stringify(value).replaceAll(/([:,])(?=["\d[])/g, '$1 ');
}

/** How many calls a step makes. */
export function countOf(step: Step): number {
  return 'count' in step ? (step.count ?? 1) : 1;
}
