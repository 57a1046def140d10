import type { Call, Calls, Outcome } from '../fixtures/calls-end.ts';
import { untilBlocked } from './blocked.ts';
import type { Kind } from './ends.ts';
import { type FixtureOptions, type Process, startFixture } from './processes.ts';
import { startWorker } from './threads.ts';

export interface CallingThread {
  /** What the next call came to. */
  next(): Promise<Outcome>;
  /** Waits until the thread is asleep in the kernel. @returns the name of the system call */
  blocked(): Promise<string>;
  readonly exit: Promise<number>;
}

/** Calls methods of an end on `sockfd`, one after the other, in a thread of its own. */
export function callInThread(kind: Kind, sockfd: number, ...calls: readonly Call[]): Promise<CallingThread> {
  return callAllInThread({ kind: kind.name, sockfd, calls });
}

/** The same for several ends, one after the other, in one thread. */
export async function callAllInThread(...all: readonly Calls[]): Promise<CallingThread> {
  const thread = await startWorker('calls-end.ts', all);
  return {
    next: async () => (await thread.next()) as Outcome,
    blocked: () =>
      untilBlocked(process.pid, thread.tid).catch(async (error) => {
        await thread.exit; // Tells why it has ended, when it has.
        throw error;
      }),
    exit: thread.exit,
  };
}

export interface CallingProcess extends Process {
  next(): Promise<Outcome>;
  /** Waits until its main thread is asleep in the kernel. @returns the name of the system call */
  blocked(): Promise<string>;
}

/**
 * The same in a process of its own, which has a copy of `sockfd`, and of others under 4, 5, …; the caller keeps
 * its own.
 */
export function callInProcess(
  kind: Kind,
  sockfd: number,
  calls: readonly Call[],
  others: readonly number[] = [],
  options: FixtureOptions = {},
): CallingProcess {
  const args = [JSON.stringify([{ kind: kind.name, sockfd: 3, calls }] satisfies Calls[])];
  const fixture = startFixture('calls-end.ts', { ...options, args, fds: [sockfd, ...others] });
  return {
    ...fixture,
    next: async () => JSON.parse(await fixture.line()),
    blocked: () => untilBlocked(fixture.pid),
  };
}
