import type { BlockingOptions } from '../../src/index.ts';
import type { Call, Calls, Outcome } from '../fixtures/calls-end.ts';
import { untilBlocked } from './blocked.ts';
import { WITHIN_SECONDS } from './channel.ts';
import type { Kind } from './ends.ts';
import { type FixtureOptions, type Process, startFixture } from './processes.ts';
import { startWorker } from './threads.ts';

/** Why a blocking call may wait in poll(2), and not in the call itself. */
export interface Blocking {
  readonly how: string;
  readonly nonblocking: boolean;
  /** What such a call has for its last arguments. */
  readonly options: readonly BlockingOptions[];
  /** A worker never waits in the call, whatever this says. */
  readonly inCall: boolean;
}

export const blockings: readonly Blocking[] = [
  { how: 'a blocking socket', nonblocking: false, options: [], inCall: true },
  { how: 'an O_NONBLOCK socket', nonblocking: true, options: [], inCall: false },
  { how: 'a timeout', nonblocking: false, options: [WITHIN_SECONDS], inCall: false },
];

/** Makes calls, one after the other, somewhere else. */
export interface Caller {
  /** What the next call came to. */
  next(): Promise<Outcome>;
  /** Waits until the caller is asleep in the kernel. @returns the name of the system call */
  blocked(): Promise<string>;
  readonly exit: Promise<unknown>;
}

/** Calls methods of an end on `sockfd`, one after the other, in a thread of its own. */
export function callInThread(kind: Kind, sockfd: number, ...calls: readonly Call[]): Promise<Caller> {
  return callAllInThread({ kind: kind.name, sockfd, calls });
}

/** The same for several ends, one after the other, in one thread. */
export async function callAllInThread(...all: readonly Calls[]): Promise<Caller> {
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

export type CallingProcess = Process & Caller;

/**
 * The same in the main thread of another process, which has a copy of `sockfd`, and of others under 4, 5, …; the
 * caller keeps its own. Before its first outcome it may be asleep for other reasons.
 */
export function callInProcess(
  kind: Kind,
  sockfd: number,
  calls: readonly Call[],
  others: readonly number[] = [],
  options: FixtureOptions = {},
): CallingProcess {
  return call([{ kind: kind.name, sockfd: 3, calls }], [sockfd, ...others], options);
}

/** The same for several ends, one after the other, in one process. */
export function callAllInProcess(...all: readonly Calls[]): CallingProcess {
  return call(
    all.map((each, i) => ({ ...each, sockfd: 3 + i })),
    all.map(({ sockfd }) => sockfd),
    {},
  );
}

function call(all: readonly Calls[], fds: readonly number[], options: FixtureOptions): CallingProcess {
  const fixture = startFixture('calls-end.ts', { ...options, args: [JSON.stringify(all)], fds });
  return {
    ...fixture,
    next: async () => JSON.parse(await fixture.line()),
    blocked: () => untilBlocked(fixture.pid),
  };
}
