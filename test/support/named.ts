import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SyscallError } from '../../src/index.ts';
import type { Process } from './processes.ts';

/** An address, as this library and as the peers' command lines write it. */
export interface Name {
  readonly ours: string;
  readonly theirs: string;
}

/** Runs the body with an address that nobody has yet: a path in a folder of its own, or an abstract name. */
export async function withName(abstract: boolean, body: (name: Name) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  const path = join(folder, 'socket');
  try {
    await body(abstract ? { ours: `\0${path}`, theirs: `@${path}` } : { ours: path, theirs: path });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Waits for something that the peer does, unless the peer ends before that: then it rejects with the peer's last words. */
export async function unlessEnded<T>(peer: Process, wait: Promise<T>): Promise<T> {
  const ended = peer.exit.then(({ code, stderr }) => {
    throw new Error(`the peer ended with code ${code}: ${stderr}`);
  });
  return Promise.race([wait, ended]);
}

/** Waits for the peer's end, and makes sure that it was a good one. */
export async function assertEnded(peer: Process, stdout = ''): Promise<void> {
  const { code, signal, stderr, ...said } = await peer.exit;
  assert.deepEqual({ code, signal, stderr, ...said }, { code: 0, signal: null, stderr: '', stdout });
}

/** Speaks to a peer that is about to open its address, and does not say when it has. */
export async function onceThere<T>(peer: Process, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const early = error instanceof SyscallError && ['ENOENT', 'ECONNREFUSED'].includes(error.code);
      if (!early || peer.child.exitCode !== null) throw error;
      await delay(5);
    }
  }
}
