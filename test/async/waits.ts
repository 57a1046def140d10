import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { fstatSync, ftruncateSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD, Endpoint, SyscallError } from '../../src/index.ts';
import { assertRefused, type Refusal, temporaryFile } from '../support/channel.ts';

export const RECEIVE_CLOSED: Refusal = [SyscallError, 'EBADF', { syscall: 'recvmsg' }];
export const SEND_CLOSED: Refusal = [SyscallError, 'EBADF', { syscall: 'sendmsg' }];

/** As many turns of the event loop, in each of which it looks at every socket that is waited for. */
export async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await (BY_THREAD ? pass() : turn());
}

/** Whether it is a helper thread that looks, which the turns of this thread's loop do not wait for. */
const BY_THREAD = process.env['FDCHANNEL_LOOP']?.endsWith('thread');

/** A receive that has to wait: by its end everybody was told of what was there at its beginning. */
async function pass(): Promise<void> {
  const [own, peer] = Endpoint.pair();
  const received = own.recvFDAsync();
  peer.sendFD(0);
  closeFD(await received);
  for (const endpoint of [own, peer]) endpoint.destroy();
  await turn();
}

export async function assertRejects(
  promise: Promise<unknown>,
  refusal: Refusal,
  what?: string,
): Promise<void> {
  const outcome = await promise.then(
    (result) => () => result,
    (error) => () => {
      throw error;
    },
  );
  assertRefused(outcome, refusal, what);
}

/** A promise whose state may be looked at. Its rejection counts as handled. */
export function observe<T>(promise: Promise<T>): { readonly promise: Promise<T>; state: string } {
  const observed = { promise, state: 'pending' };
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

/** A file that can be told from others after it was sent: its size is the tag. Owned by the caller. */
export function tagged(tag: number): number {
  const fd = temporaryFile();
  ftruncateSync(fd, tag);
  return fd;
}

/** The tag of a file that was received, which is closed. */
export function tagOf(fd: number): number {
  const { size } = fstatSync(fd);
  closeFD(fd);
  return size;
}

export function sendTag(endpoint: Endpoint, tag: number): void {
  const fd = tagged(tag);
  endpoint.sendFD(fd);
  closeFD(fd);
}

export async function recvTag(endpoint: Endpoint, signal?: AbortSignal): Promise<number> {
  return tagOf(await endpoint.recvFDAsync({ signal }));
}

/** Everything that lies in the socket, in order. */
export function drain(endpoint: Endpoint): number[] {
  const tags: number[] = [];
  for (let fd = endpoint.tryRecvFD(); fd !== undefined; fd = endpoint.tryRecvFD()) tags.push(tagOf(fd));
  return tags;
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
