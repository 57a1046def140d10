import { type Abortable, endOn, forget } from './aborts.ts';
import type { Libc } from './libc/calls.ts';
import { Registration } from './loop/reactor.ts';

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
const EVENT = { receive: 'POLLIN', send: 'POLLOUT' } as const;
const SYSCALL = { receive: 'recvmsg', send: 'sendmsg' } as const;

/** How many waits one wake may serve, and how many calls in a row may succeed at once, before the loop turns. */
const TURN = 128;

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
  #registration: Registration | undefined;
  #keepsAlive = true;
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
    this.#registration?.keepAlive(yes);
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
        this.#settle,
      );
      try {
        this.#arm();
      } catch (error) {
        wait.abort(error);
      }
    });
  }

  #arm(): void {
    if (!this.#registration) {
      this.#registration = new Registration(this.#libc, this.#fd, this.#onReady);
      this.#registration.keepAlive(this.#keepsAlive);
    }
    this.#registration.want(this.#wanted());
  }

  readonly #onReady = (events: number): void => {
    this.#turn = TURN;
    for (const direction of DIRECTIONS) {
      if ((events & this.#libc.abi[EVENT[direction]]) === 0) continue;
      let served = 0;
      for (const wait of this.#queues[direction]) {
        if (served === TURN || !wait.serve()) break;
        served++;
      }
    }
    this.#settle();
  };

  /** Waits for what is in the queues, and no more. */
  readonly #settle = (): void => {
    try {
      this.#registration?.want(this.#wanted());
    } catch (error) {
      this.#failAll(error);
    }
  };

  #failAll(error: unknown): void {
    for (const direction of DIRECTIONS) for (const wait of this.#queues[direction]) wait.abort(error);
  }

  #wanted(): number {
    let events = 0;
    for (const direction of DIRECTIONS) {
      if (this.#queues[direction].size > 0) events |= this.#libc.abi[EVENT[direction]];
    }
    return events;
  }

  #surrender(): number {
    const fd = this.#fd;
    this.#fd = -1;
    // First the poll, so that no event can come; then the waits; the number itself last of all.
    this.#registration?.close();
    this.#registration = undefined;
    for (const direction of DIRECTIONS) {
      for (const wait of this.#queues[direction]) {
        wait.abort(this.#libc.refusal('EBADF', SYSCALL[direction]));
      }
    }
    return fd;
  }
}
