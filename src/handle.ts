import { type Abortable, endOn, forget } from './aborts.ts';
import type { Libc } from './libc/calls.ts';
import { NONE, READABLE, Readiness, WRITABLE } from './readiness.ts';

/** Which of its two queues a wait stands in. */
export type Direction = 'receive' | 'send';

/** What a wait needs to know of its caller. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once, when the wait is over, however it ended. Must not throw. */
  readonly release?: () => void;
}

/** One place in a queue. */
class Wait implements Abortable {
  readonly #queue: Set<Wait>;
  readonly #attempt: () => unknown;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #options: WaitOptions;
  readonly #onEnd: () => void;

  constructor(
    queue: Set<Wait>,
    attempt: () => unknown,
    resolve: (result: unknown) => void,
    reject: (error: unknown) => void,
    options: WaitOptions,
    onEnd: () => void,
  ) {
    this.#queue = queue;
    this.#attempt = attempt;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#options = options;
    this.#onEnd = onEnd;
    queue.add(this);
    if (options.signal) endOn(options.signal, this);
  }

  /** Tries once more; true when the wait is over. */
  serve(): boolean {
    let result: unknown;
    try {
      result = this.#attempt();
    } catch (error) {
      this.abort(error);
      return true;
    }
    if (result === undefined) return false;
    this.#resolve(result);
    this.#end();
    return true;
  }

  /** Ends the wait with an error. */
  abort(reason: unknown): void {
    this.#reject(reason);
    this.#end();
  }

  #end(): void {
    const { signal, release } = this.#options;
    this.#queue.delete(this);
    if (signal) forget(signal, this);
    this.#onEnd();
    release?.();
  }
}

const DIRECTIONS = ['receive', 'send'] as const;
const EVENT = { receive: READABLE, send: WRITABLE } as const;
const SYSCALL = { receive: 'recvmsg', send: 'sendmsg' } as const;

/** How many waits one wake may serve, and how many calls in a row may succeed at once, before the loop turns. */
const TURN = 128;

/** How many promises a caller may await between two waits for the poll to stay. */
const PATIENCE = 10;

const SOON: Promise<void> = Promise.resolve();

/**
 * Owns a socket's descriptor and everything that waits for it on the event loop. It knows nothing of messages:
 * what a wait does when its turn comes, the caller brings along.
 *
 * Waits of one direction are served first come, first served.
 */
export class SocketHandle {
  readonly #libc: Libc;
  readonly #queues: Record<Direction, Set<Wait>> = { receive: new Set(), send: new Set() };
  #fd: number;
  #readiness: Readiness | undefined;
  #keepsAlive = true;
  #patience = 0;
  #turn = TURN;

  /** Takes ownership of `fd`. */
  constructor(libc: Libc, fd: number) {
    this.#libc = libc;
    this.#fd = fd;
  }

  /** The descriptor, or -1 once it is closed or given away. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * The descriptor of an open handle.
   *
   * @throws SyscallError `EBADF`, without asking the kernel
   */
  open(syscall: string): number {
    if (this.#fd < 0) throw this.#libc.refusal('EBADF', syscall);
    return this.#fd;
  }

  /** Closes the descriptor. What waits is rejected with EBADF. A second time, it does nothing. */
  close(): void {
    if (this.#fd >= 0) this.#libc.close(this.#surrender());
  }

  /**
   * Gives the descriptor away, open. What waits is rejected with EBADF.
   *
   * @throws SyscallError `EBADF` when there is none
   */
  detach(): number {
    this.open('detach');
    return this.#surrender();
  }

  /** Decides whether waits keep the event loop alive. */
  keepAlive(yes: boolean): void {
    this.#keepsAlive = yes;
    this.#readiness?.keepAlive(yes);
  }

  /**
   * Tries at once, when nobody waits before.
   *
   * @param attempt returns undefined where it would block
   * @returns what `attempt` returned; undefined means to wait
   */
  immediately<T>(direction: Direction, attempt: () => T | undefined): T | undefined {
    // A caller that awaits in a loop and never finds the socket empty would never let the event loop turn.
    if (this.#queues[direction].size > 0 || this.#turn === 0) return undefined;
    this.#turn--;
    const result = attempt();
    if (result === undefined) this.#turn++;
    return result;
  }

  /**
   * Waits its turn, and then for the socket to be ready.
   *
   * @param attempt is called each time the socket is ready; returns undefined where it would block all the
   *   same, as another process may have been faster
   * @returns a promise of what `attempt` returned or threw; it rejects with the signal's reason, having taken
   *   nothing, and with EBADF when the handle is closed
   */
  wait<T>(direction: Direction, attempt: () => T | undefined, options: WaitOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait = new Wait(
        this.#queues[direction],
        attempt,
        resolve as (result: unknown) => void,
        reject,
        options,
        this.#settleSoon,
      );
      try {
        this.#arm(EVENT[direction]);
      } catch (error) {
        wait.abort(error);
      }
    });
  }

  #arm(events: number): void {
    if (this.#readiness) {
      this.#readiness.arm(this.#readiness.armed | events);
    } else {
      this.#readiness = new Readiness(this.#libc, this.#fd, events, this.#onReady);
      this.#readiness.keepAlive(this.#keepsAlive);
    }
  }

  readonly #onReady = (events: number): void => {
    this.#turn = TURN;
    for (const direction of DIRECTIONS) {
      if ((events & EVENT[direction]) === 0) continue;
      let served = 0;
      for (const wait of this.#queues[direction]) {
        if (served === TURN || !wait.serve()) break;
        served++;
      }
    }
    // An error has stopped the poll, with events of one wait or none.
    if (this.#readiness?.armed === NONE) this.#settleSoon();
  };

  // A wait that ended is mostly followed by another, at once or after a promise or two of the caller's. Until those
  // have had their turn, the poll stays: two system calls are spared.
  readonly #settleSoon = (): void => {
    if (this.#patience === 0) SOON.then(this.#settle);
    this.#patience = PATIENCE;
  };

  /** Polls for what is waited for, and no more. */
  readonly #settle = (): void => {
    const wanted = this.#wanted();
    if (this.#readiness === undefined || this.#readiness.armed === wanted) {
      this.#patience = 0;
    } else if (--this.#patience > 0) {
      SOON.then(this.#settle);
    } else {
      this.#readiness.arm(wanted);
    }
  };

  #wanted(): number {
    let events = NONE;
    for (const direction of DIRECTIONS) {
      if (this.#queues[direction].size > 0) events |= EVENT[direction];
    }
    return events;
  }

  #surrender(): number {
    const fd = this.#fd;
    this.#fd = -1;
    // First the poll, so that no event can come; then the waits; the number itself last of all.
    this.#readiness?.close();
    this.#readiness = undefined;
    for (const direction of DIRECTIONS) {
      for (const wait of this.#queues[direction]) {
        wait.abort(this.#libc.refusal('EBADF', SYSCALL[direction]));
      }
    }
    return fd;
  }
}
