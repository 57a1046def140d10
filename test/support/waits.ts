import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD, Endpoint } from '../../src/index.ts';

/** As many turns of the event loop, in each of which it looks at every socket that is waited for. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await (BY_THREAD ? pass() : turn());
}

/** Whether a helper thread looks, for which the turns of this thread's loop do not wait. */
export const BY_THREAD: boolean = process.env['FDCHANNEL_LOOP']?.endsWith('thread') === true;

/** A receive that has to wait: by its end everybody was told of what was there at its beginning. */
async function pass(): Promise<void> {
  const [own, peer] = Endpoint.pair();
  const received = own.recvFDAsync();
  peer.sendFD(0);
  closeFD(await received);
  for (const endpoint of [own, peer]) endpoint.destroy();
  await turn();
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

/** The result of a promise that does not wait for the event loop. */
export async function atOnce<T>(promise: Promise<T>): Promise<T> {
  const observed = observe(promise);
  for (let microtask = 0; microtask < 10; microtask++) await undefined;
  assert.notEqual(observed.state, 'pending');
  return promise;
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
