import type { SocketType } from './abi/abi.ts';
import {
  type AsyncOptions,
  type BindOptions,
  type BlockingOptions,
  checkBinding,
  checkCount,
  checkObject,
  checkSignal,
  checkTimeout,
  checkType,
  type TypeOptions,
} from './arguments.ts';
import { checkDescriptor } from './descriptors.ts';
import { invalidArgType, invalidArgValue } from './errors.ts';
import { type Libc, libc } from './libc/calls.ts';
import { accept, isListening, listen, nameOf, setNonblocking, socket, socketType } from './libc/sockets.ts';
import { MadeSocket } from './socket/made-socket.ts';
import { OwnedSocket } from './socket/owned-socket.ts';
import { absolute, type BoundName, bindName, unlinkName } from './socket/paths.ts';
import { UnixSocket } from './unix-socket.ts';

/** Options of a listener. */
export interface ListenOptions extends BindOptions {
  /** `'dgram'` sockets do not listen: {@link UnixSocket.bind}. @default `'seqpacket'` on Linux, `'stream'` elsewhere */
  readonly type?: Exclude<SocketType, 'dgram'> | undefined;
  /** How many connections may wait to be accepted. @default 511 */
  readonly backlog?: number | undefined;
}

const ACCEPT = { direction: 'in', syscall: 'accept' } as const;

/** Node's own. */
const DEFAULT_BACKLOG = 511;
const MOST_BACKLOG = 2 ** 31 - 1;

/**
 * Takes connections at an address.
 *
 * The socket is non-blocking, also where another process shares it: accept(2) cannot be told not to wait, and another
 * process may take the connection that was there. A listener belongs to one thread.
 *
 * @example
 * ```js
 * import { UnixListener, UnixSocket } from 'fdchannel';
 *
 * const listener = UnixListener.listen('example.sock', { replace: true });
 * const client = UnixSocket.connect('example.sock');
 * for await (const connection of listener) {
 *   connection.sendMessage('welcome');
 *   connection.destroy();
 *   listener.destroy();
 * }
 * console.log(client.recvMessage().data.toString()); // welcome
 * client.destroy();
 * ```
 */
export class UnixListener extends OwnedSocket {
  /** The path, absolute where that fits, or the abstract name; undefined for a socket without a name. */
  readonly address: string | undefined;
  #bound: BoundName | undefined;

  /**
   * Takes a socket that listens, such as one inherited from a service manager, and makes it non-blocking.
   *
   * The listener owns the socket from now on, and closes it in {@link destroy}; the file of its path stays. When the
   * constructor throws, the socket stays the caller's, open and unchanged. Does not block.
   *
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for a socket of another family, or that does not listen
   * @throws {@link SyscallError} `EBADF` for a number that is not open, `ENOTSOCK` for what is no socket
   * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
   */
  constructor(sockfd: number) {
    const c = libc();
    super(c, sockfd, listeningType(c, sockfd));
    this.address = nameOf(c, sockfd);
    setNonblocking(c, sockfd, true);
  }

  /**
   * Listens at an address.
   *
   * The listener owns its socket and the file that is made for a path: {@link destroy} removes that file, and no other.
   * Only processes of the file's owner may connect, unless `mode` says more, from the first moment on. Does not block.
   *
   * @param address a path; on Linux, a name that begins with `'\0'` is abstract: it is open to every process of the
   *   network namespace
   * @throws TypeError, RangeError for bad arguments
   * @throws {@link SyscallError} with the `address`: `EADDRINUSE`, also for a file that was left behind, unless `replace`
   *   finds that nobody listens there; `ENOENT`, `EACCES`, `EROFS`; `ENAMETOOLONG`, before the kernel is asked
   * @see https://man7.org/linux/man-pages/man2/listen.2.html
   */
  static listen(address: string, options: ListenOptions = {}): UnixListener {
    const c = libc();
    const type = checkType(checkObject(options) as TypeOptions, c.abi.framings[0]);
    if (type === 'dgram') {
      throw invalidArgValue('options.type', 'a type with connections; UnixSocket.bind takes datagrams', type);
    }
    const backlog = checkCount('options.backlog', options.backlog, 0, MOST_BACKLOG, DEFAULT_BACKLOG);
    const { mode, replace } = checkBinding(options);
    const fd = socket(c, type, true);
    let bound: BoundName | undefined;
    try {
      bound = bindName(c, fd, absolute(c, address), type, mode, replace);
      listen(c, fd, backlog);
      const listener = new UnixListener(fd);
      listener.#bound = bound;
      return listener;
    } catch (error) {
      if (bound) unlinkName(bound);
      c.discard(fd);
      throw error;
    }
  }

  /**
   * Accepts a connection. Blocks until one is there.
   *
   * @returns the connection's socket, blocking and close-on-exec, owned by the new object
   * @throws TypeError, RangeError for bad options
   * @throws {@link SyscallError} `EMFILE` at the descriptor limit, after which the connection still waits; `ETIMEDOUT`;
   *   `EBADF` after destroy or detach
   * @see https://man7.org/linux/man-pages/man2/accept.2.html
   */
  accept(options?: BlockingOptions): UnixSocket {
    const timeout = checkTimeout(options);
    this.requireOpen('accept');
    return this.#accept() ?? this.waits.block(ACCEPT, { attempt: this.#accept }, timeout);
  }

  /**
   * Accepts a connection if one is there. Never blocks.
   *
   * @returns the connection's socket, or undefined when none is there
   * @throws what {@link accept} throws
   */
  tryAccept(): UnixSocket | undefined {
    this.requireOpen('accept');
    return this.#accept();
  }

  /**
   * Accepts a connection, without blocking the event loop. Waits go first come, first served; one that was aborted has
   * taken nothing.
   *
   * @returns a promise of the connection's socket
   * @throws what {@link accept} throws, as a rejection, but for the time; the signal's reason when it aborts
   */
  acceptAsync(options?: AsyncOptions): Promise<UnixSocket> {
    try {
      const signal = checkSignal(options);
      this.requireOpen('accept');
      return this.waits.soon(ACCEPT, { attempt: this.#accept }, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Accepts until the listener is destroyed. The loop's body owns each socket. Accepts only when asked for the next one.
   *
   * @throws what {@link acceptAsync} throws, but for the `EBADF` of a listener that was destroyed
   */
  async *connections(options?: AsyncOptions): AsyncGenerator<UnixSocket, void, undefined> {
    for (;;) {
      let connection: UnixSocket;
      try {
        connection = await this.acceptAsync(options);
      } catch (error) {
        if (this.fd < 0) return;
        throw error;
      }
      yield connection;
    }
  }

  /** The same as {@link connections} without options. */
  [Symbol.asyncIterator](): AsyncGenerator<UnixSocket, void, undefined> {
    return this.connections();
  }

  /** Closes the socket as {@link OwnedSocket.destroy} does, and removes the file that was made for its path. */
  override destroy(): void {
    if (this.#bound && this.fd >= 0) unlinkName(this.#bound);
    super.destroy();
  }

  readonly #accept = (): UnixSocket | undefined => {
    const fd = accept(this.libc, this.fd);
    return fd === undefined ? undefined : new UnixSocket(new MadeSocket(fd, this.type));
  };
}

/**
 * The type of a socket that a listener may take.
 *
 * @throws what the constructor throws
 */
function listeningType(c: Libc, sockfd: number): SocketType {
  checkDescriptor('sockfd', sockfd);
  const type = socketType(c, sockfd);
  if (type && isListening(c, sockfd)) return type;
  const got = type ? 'one that does not listen' : 'a socket of another family or type';
  throw invalidArgType('sockfd', 'an AF_UNIX socket that listens', sockfd, got);
}
