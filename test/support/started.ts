import { setTimeout as delay } from 'node:timers/promises';
import { patience } from './deadline.ts';

interface Started {
  readonly what: string;
  readonly end: () => Promise<unknown>;
}

const running = new Set<Started>();
const stuck = new Set<Started>();

/**
 * Enters a process or a thread that a test has started.
 *
 * @param end ends it by force; runs up to its first `await` when this process exits
 * @returns to be called when it has ended
 */
export function started(what: string, end: () => Promise<unknown>): () => void {
  const entry = { what, end };
  running.add(entry);
  return () => {
    running.delete(entry);
    stuck.delete(entry);
  };
}

/** Ends what the test has left running. @returns what that was */
export async function endStarted(): Promise<string[]> {
  const left = [...running];
  if (left.length === 0) return [];
  await Promise.race([Promise.allSettled(left.map(({ end }) => end())), delay(patience)]);
  return left.map((entry) => {
    if (!running.delete(entry)) return entry.what;
    stuck.add(entry);
    return `${entry.what}, which cannot be ended`;
  });
}

/** The last thing that this process does. */
export function abandonStarted(): void {
  for (const { end } of running) void end();
  // A thread asleep in a system call cannot be ended, and would keep the process from ending.
  if (running.size + stuck.size > 0) process.kill(process.pid, 'SIGKILL');
}
