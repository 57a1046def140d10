import { inspect } from 'node:util';
import * as workers from 'node:worker_threads';
import type { SocketType } from '../abi/abi.ts';
import type { SyscallError } from '../errors.ts';
import type { Libc } from '../libc/calls.ts';
import { Waits } from './waits.ts';

/** Missing before Node 22.10, and elsewhere. */
const { markAsUncloneable } = workers as { markAsUncloneable?: (object: object) => void };

/** The life of one socket: owned from the constructor to {@link destroy} or {@link detach}. */
export abstract class OwnedSocket {
  /** The type of the socket. */
  readonly type: SocketType;
  /** @internal */
  protected readonly libc: Libc;
  /** @internal */
  protected readonly waits: Waits;
  #fd: number;
  #state: 'open' | 'destroyed' | 'detached' = 'open';

  /**
   * Takes ownership of `fd`.
   *
   * @internal
   */
  constructor(libc: Libc, fd: number, type: SocketType) {
    this.libc = libc;
    this.type = type;
    this.#fd = fd;
    this.waits = new Waits(libc, this);
    // Another thread's copy would be an object without a socket.
    markAsUncloneable?.(this);
  }

  /** The socket's descriptor, owned by this object; -1 after {@link destroy} or {@link detach}. */
  get fd(): number {
    return this.#fd;
  }

  /**
   * Closes the socket. What waits on the event loop rejects with `EBADF`; a call that blocks in another thread is not
   * woken, for which there is `shutdown`.
   *
   * Nobody owns the descriptor afterwards; descriptors that were received stay open. Does not block. A second time,
   * and after {@link detach}, it does nothing.
   *
   * @throws {@link SyscallError} `EBADF` when somebody else has closed the descriptor
   * @see https://man7.org/linux/man-pages/man2/close.2.html
   * @see The original: `Endpoint.Destroy`
   */
  destroy(): void {
    if (this.#fd >= 0) this.libc.close(this.#surrender('destroyed'));
  }

  /** The same as {@link destroy}. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /**
   * Gives the socket away, open and unchanged. What waits on the event loop rejects with `EBADF`, having taken nothing.
   *
   * The caller owns the descriptor afterwards. Does not block.
   *
   * @returns the socket's descriptor
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   */
  detach(): number {
    this.requireOpen('detach');
    return this.#surrender('detached');
  }

  /**
   * Lets waits keep the process alive, which they do from the beginning. A socket for which nothing waits never does.
   * Does not block.
   *
   * @returns this
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   */
  ref(): this {
    this.requireOpen('ref');
    this.waits.keepAlive(true);
    return this;
  }

  /**
   * Lets the process end although something waits. Does not block.
   *
   * @returns this
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   */
  unref(): this {
    this.requireOpen('unref');
    this.waits.keepAlive(false);
    return this;
  }

  /** @internal */
  [inspect.custom](_depth: number, options: object): unknown {
    // What only looks like a socket, such as a proxy, has no fields of one.
    if (!(#fd in this)) return this;
    return `${this.constructor.name} ${inspect({ fd: this.#fd, type: this.type, state: this.#state }, options)}`;
  }

  /**
   * The descriptor of an open socket. A call asks for it last of its checks: a getter among its arguments may have
   * destroyed the socket.
   *
   * @throws SyscallError `EBADF`, without asking the kernel
   * @internal
   */
  protected requireOpen(syscall: string): number {
    if (this.#fd < 0) throw this.#gone(syscall);
    return this.#fd;
  }

  #gone(syscall: string): SyscallError {
    const detail = `(the ${this.constructor.name} is ${this.#state})`;
    return this.libc.refusal('EBADF', syscall, { detail });
  }

  #surrender(state: 'destroyed' | 'detached'): number {
    const fd = this.#fd;
    this.#fd = -1;
    this.#state = state;
    this.waits.end((syscall) => this.#gone(syscall));
    return fd;
  }
}
