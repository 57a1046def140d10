import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { sameFile } from './descriptors.ts';
import type { End, LoopEnd, LoopKind } from './ends.ts';
import { tagged, tagOf, temporaryFile } from './files.ts';

/** For a receive whose descriptor is on its way: should it never come, the test fails instead of hanging. */
export const WITHIN_SECONDS = { timeout: 10_000 };

/** More descriptors than any socket has room for. */
export const TOO_MANY = 400;

/** Runs the body with two connected ends, which it may destroy itself. */
export async function withChannel<E extends LoopEnd>(
  kind: LoopKind<E>,
  body: (a: E, b: E) => unknown,
): Promise<void> {
  const [a, b] = kind.pair();
  try {
    await body(a, b);
  } finally {
    a.destroy();
    b.destroy();
  }
}

export function sendTag(end: End, tag: number): void {
  const fd = tagged(tag);
  end.send(fd);
  closeFD(fd);
}

export async function recvTag(end: End, signal?: AbortSignal): Promise<number> {
  return tagOf(await end.receiveAsync({ signal }));
}

/** The tags of everything that lies in the socket, in order. */
export function drain(end: End): number[] {
  const tags: number[] = [];
  for (let fd = end.tryReceive(); fd !== undefined; fd = end.tryReceive()) tags.push(tagOf(fd));
  return tags;
}

/** Receives what is there, and makes sure that it is a new descriptor of the same file. */
export function assertReceives<E extends End>(
  end: E,
  sent: number,
  receive: (end: E) => number | undefined = (from) => from.receive(WITHIN_SECONDS),
): void {
  const received = receive(end);
  assert.ok(received !== undefined, 'nothing is there');
  try {
    assert.notEqual(received, sent);
    assert.ok(sameFile(received, sent), `received ${received}, which is not what ${sent} is`);
  } finally {
    closeFD(received);
  }
}

/** Makes sure that a channel does what it is for, in both directions, and that nothing is left in it. */
export function assertWorks(a: End, b: End): void {
  const fd = temporaryFile();
  try {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      assert.equal(to.tryReceive(), undefined);
      from.send(fd);
      assertReceives(to, fd);
      assert.equal(to.tryReceive(), undefined);
    }
  } finally {
    closeSync(fd);
  }
}
