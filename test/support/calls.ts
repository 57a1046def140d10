import type { Calls, Outcome } from '../fixtures/calls-endpoint.ts';
import { untilBlocked } from './blocked.ts';
import { type FixtureOptions, type Process, startFixture } from './processes.ts';
import { startWorker } from './threads.ts';

export interface CallingThread {
  /** What the next call came to. */
  next(): Promise<Outcome>;
  /** Waits until the thread is asleep in the kernel. @returns the name of the system call */
  blocked(): Promise<string>;
  readonly exit: Promise<number>;
}

/** Calls methods of an endpoint on `sockfd`, one after the other, in a thread of its own. */
export function callInThread(sockfd: number, ...calls: Calls['calls']): Promise<CallingThread> {
  return callAllInThread({ sockfd, calls });
}

/** The same for several endpoints, one after the other, in one thread. */
export async function callAllInThread(...all: readonly Calls[]): Promise<CallingThread> {
  const thread = await startWorker('calls-endpoint.ts', all);
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
}

/**
 * The same in a process of its own, which has a copy of `sockfd`, and of others under 4, 5, …; the caller keeps
 * its own.
 */
export function callInProcess(
  sockfd: number,
  calls: Calls['calls'],
  others: readonly number[] = [],
  options: FixtureOptions = {},
): CallingProcess {
  const args = [JSON.stringify([{ sockfd: 3, calls }] satisfies Calls[])];
  const fixture = startFixture('calls-endpoint.ts', { ...options, args, fds: [sockfd, ...others] });
  return { ...fixture, next: async () => JSON.parse(await fixture.line()) };
}
