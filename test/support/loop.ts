import { setImmediate as turn } from 'node:timers/promises';
import type { Framing } from '../../src/abi/abi.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import type { Combination } from '../../src/loop/parts.ts';
import { Registration } from '../../src/loop/reactor.ts';
import { ThreadSet } from '../../src/loop/thread-set.ts';

export { COMBINATIONS, type Combination } from '../../src/loop/parts.ts';
export { ThreadSet } from '../../src/loop/thread-set.ts';

export const { POLLIN: IN, POLLOUT: OUT } = libc().abi;

/** A registration, and what it was told. */
export interface Watched {
  readonly registration: Registration;
  readonly told: number[];
  readonly failed: unknown[];
  /** What it was told since the last look, each once. */
  taken(): number[];
}

export interface Scene {
  readonly set: ThreadSet;
  /** Two connected sockets. */
  pair(framing?: Framing): [own: number, peer: number];
  /** Watches a socket. @param then is called after each note of what was told */
  watch(fd: number, then?: (events: number, watched: Watched) => void): Watched;
  /** Closes a descriptor of a pair. */
  closeEarly(fd: number): void;
  /** Waits until everybody has been told of what is there by now. */
  settled(): Promise<void>;
}

/** Registers a socket. @param then is called after each note of what was told */
export function register(
  set: ThreadSet,
  fd: number,
  then?: (events: number, watched: Watched) => void,
): Watched {
  const [told, failed]: [number[], unknown[]] = [[], []];
  const watcher = {
    onReady(events: number): void {
      told.push(events);
      then?.(events, watched);
    },
    onFail: (error: unknown): void => void failed.push(error),
  };
  const registration = new Registration(libc(), fd, watcher, set);
  const watched = { registration, told, failed, taken: () => [...new Set(told.splice(0))] };
  return watched;
}

/** Runs the body with a set of its own, and closes everything that it made. */
export async function withSet(combination: Combination, body: (scene: Scene) => unknown): Promise<void> {
  const c = libc();
  const set = new ThreadSet(c, combination);
  const open = new Set<number>();
  const registrations: Registration[] = [];
  const pair = (framing: Framing = 'seqpacket'): [number, number] => {
    const made = socketpair(c, framing);
    for (const fd of made) open.add(fd);
    return made;
  };
  const watch: Scene['watch'] = (fd, then) => {
    const watched = register(set, fd, then);
    registrations.push(watched.registration);
    return watched;
  };
  const closeEarly = (fd: number): void => {
    open.delete(fd);
    c.close(fd);
  };
  // Whoever is added last is told last.
  const settled = async (): Promise<void> => {
    const [own, peer] = pair();
    const last = watch(own);
    last.registration.want(OUT);
    await until(() => last.told.length > 0);
    last.registration.close();
    for (const fd of [own, peer]) closeEarly(fd);
  };
  try {
    await body({ set, pair, watch, closeEarly, settled });
  } finally {
    for (const registration of registrations) registration.close();
    set.close();
    for (const fd of open) c.close(fd);
    await turn();
  }
}

/** Lets the event loop turn until something is so. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Counts the calls of C of these names while the body runs. */
export async function counting(
  names: readonly ('epoll_ctl' | 'epoll_wait' | 'poll' | 'recvmsg')[],
  body: (taken: () => string[]) => unknown,
): Promise<void> {
  const { raw } = libc();
  const calls: string[] = [];
  const originals = names.map((name) => [name, raw[name]] as const);
  for (const [name, original] of originals) {
    const value = (...args: number[]): number => {
      calls.push(name);
      return (original as (...all: number[]) => number)(...args);
    };
    Object.defineProperty(raw, name, { configurable: true, writable: true, value });
  }
  try {
    await body(() => calls.splice(0));
  } finally {
    for (const [name, value] of originals) Object.defineProperty(raw, name, { value });
  }
}
