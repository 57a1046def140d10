import { invalidArgValue, UnsupportedPlatformError } from '../errors.ts';
import type { Libc } from '../libc/calls.ts';
import { epollCreate, redirect } from '../libc/polls.ts';
import { EpollSet } from './epoll-set.ts';
import { PollArray } from './poll-array.ts';
import { PollSet } from './poll-set.ts';
import type { PrivateDescriptors } from './private-descriptors.ts';
import { isNode } from './runtime.ts';
import { StreamWatch } from './stream-watch.ts';
import { ThreadWatch } from './thread-watch.ts';

/** Sockets that are looked at, each under a key of its own. Events are those of poll(2). */
export interface SocketSet {
  add(fd: number, key: number, events: number): void;
  change(fd: number, key: number, events: number): void;
  remove(fd: number, key: number): void;
  /** Asks which are ready, without waiting. @returns how many the two methods below tell of */
  ask(): number;
  keyAt(index: number): number;
  eventsAt(index: number): number;
  /** Whether it may seem ready although none of its sockets is. */
  readonly interrupted: boolean;
}

/** What has the event loop look at a set. */
export interface Watch {
  /** Whether each turn of the loop looks by itself; otherwise a thread has to tell first. */
  readonly eachTurn: boolean;
  /** Somebody waits. */
  look(): void;
  /** Nobody waits. */
  rest(): void;
  /** The set looks for more than before, or for less. */
  changed(): void;
  /** Decides whether the loop stays alive for it, which it does not from the beginning. */
  keepAlive(yes: boolean): void;
  close(): void;
}

/** A set and its watch. They are made, and closed, together. */
export interface Parts {
  readonly set: SocketSet;
  readonly watch: Watch;
  close(): void;
}

/** What the parts ask of their reactor. */
export interface Owner {
  readonly libc: Libc;
  readonly descriptors: PrivateDescriptors;
  /** Deals with what is ready. */
  serve(): void;
  /** Nothing more is to come from these parts. */
  fail(error: unknown): void;
}

export const COMBINATIONS = ['epoll+stream', 'epoll+thread', 'poll+thread'] as const;

/** A set and a watch. An array for poll(2) has no descriptor that a stream could look at. */
export type Combination = (typeof COMBINATIONS)[number];

/** The combination that the tests force by the environment; undefined leaves the choice to {@link makeParts}. */
export function forcedCombination(): Combination | undefined {
  const value = process.env['FDCHANNEL_LOOP'];
  if (value === undefined) return undefined;
  const found = COMBINATIONS.find((name) => name === value);
  if (!found) throw invalidArgValue('FDCHANNEL_LOOP', `one of ${COMBINATIONS.join(', ')}`, value);
  return found;
}

/**
 * Makes a set and a watch: epoll(7) where there is one, a stream of Node's where there is one.
 *
 * @throws SyscallError at the descriptor limit, with nothing left behind
 * @throws UnsupportedPlatformError when what was forced is not to be had here
 */
export function makeParts(owner: Owner, combination?: Combination): Parts {
  const epoll = owner.libc.layout.epoll_event !== undefined;
  if (combination === undefined) {
    if (!epoll) return pollAndThread(owner);
    return (isNode ? epollAndStream(owner) : undefined) ?? epollAndThread(owner);
  }
  const parts = epoll || combination === 'poll+thread' ? MAKERS[combination](owner) : undefined;
  if (parts) return parts;
  throw new UnsupportedPlatformError(`FDCHANNEL_LOOP=${combination} is not to be had here`);
}

const MAKERS: Readonly<Record<Combination, (owner: Owner) => Parts | undefined>> = {
  'epoll+stream': (owner) => (isNode ? epollAndStream(owner) : undefined),
  'epoll+thread': epollAndThread,
  'poll+thread': pollAndThread,
};

/** @returns undefined where this Node has no such stream */
function epollAndStream({ libc, serve }: Owner): Parts | undefined {
  const watch = StreamWatch.open(libc, serve);
  if (!watch) return undefined;
  try {
    const epoll = epollCreate(libc);
    try {
      redirect(libc, watch.fd, epoll);
    } finally {
      libc.discard(epoll);
    }
  } catch (error) {
    watch.close();
    throw error;
  }
  watch.start();
  return { set: new EpollSet(libc, watch.fd), watch, close: () => watch.close() };
}

function epollAndThread({ libc, descriptors, serve, fail }: Owner): Parts {
  const epoll = descriptors.adopt(epollCreate(libc));
  try {
    const array = new PollArray(libc, 1);
    array.count = 1;
    array.put(0, epoll, libc.abi.POLLIN);
    // Whoever polls an instance sees at once what is changed in it.
    const watch = new ThreadWatch(libc, array, () => {}, serve, fail);
    const close = (): void => {
      watch.close();
      descriptors.close(epoll);
    };
    return { set: new EpollSet(libc, epoll), watch, close };
  } catch (error) {
    descriptors.close(epoll);
    throw error;
  }
}

function pollAndThread({ libc, descriptors, serve, fail }: Owner): Parts {
  const set = new PollSet(libc, descriptors);
  try {
    const watch = new ThreadWatch(libc, set.array, () => set.interrupt(), serve, fail);
    const close = (): void => {
      watch.close();
      set.close();
    };
    return { set, watch, close };
  } catch (error) {
    set.close();
    throw error;
  }
}
