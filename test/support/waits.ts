import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';

/** As many turns of the event loop, in each of which it looks at every descriptor that is polled. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** How many turns of the event loop the body takes. */
export async function turnsOf(body: () => Promise<unknown>): Promise<number> {
  let count = 0;
  let running = true;
  const next = (): void => {
    count++;
    if (running) setImmediate(next);
  };
  setImmediate(next);
  await body();
  running = false;
  await turn();
  return count;
}

export interface Observed<T> {
  readonly promise: Promise<T>;
  readonly state: 'pending' | 'fulfilled' | 'rejected';
}

/** A promise whose state may be looked at. Its rejection counts as handled. */
export function observe<T>(promise: Promise<T>): Observed<T> {
  const observed: { promise: Promise<T>; state: Observed<T>['state'] } = { promise, state: 'pending' };
  promise.then(
    () => {
      observed.state = 'fulfilled';
    },
    () => {
      observed.state = 'rejected';
    },
  );
  return observed;
}

export function aborting(): { readonly signal: AbortSignal; abort(reason?: unknown): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

export function assertNoListener(signal: AbortSignal): void {
  assert.equal(getEventListeners(signal, 'abort').length, 0, 'a listener was left on the signal');
}

/** The warnings that Node gave while the body ran. */
export async function warningsOf(body: () => unknown): Promise<string[]> {
  const warnings: string[] = [];
  const note = ({ name, message }: Error): void => void warnings.push(`${name}: ${message}`);
  process.on('warning', note);
  try {
    await body();
    await turns();
  } finally {
    process.off('warning', note);
  }
  return warnings;
}
