import type { Framing } from './abi/abi.ts';
import { checkDescriptor, type DescriptorSource, descriptorOf } from './descriptors.ts';
import { ChannelError, invalidArgType, outOfRange, SyscallError } from './errors.ts';
import { SocketHandle } from './handle.ts';
import { type Libc, libc, WOULD_BLOCK } from './libc/calls.ts';
import { MessageBuffer } from './libc/message-buffer.ts';
import { ControlCodec } from './message.ts';

/** Options of the blocking receive. */
export interface ReceiveOptions {
  /**
   * Milliseconds to wait at most, a whole number from 0 to 2^31-1.
   *
   * @default no limit
   */
  readonly timeout?: number | undefined;
}

/** Options of the calls that wait on the event loop. */
export interface AsyncOptions {
  /** Ends the wait; it then rejects with the signal's `reason`. */
  readonly signal?: AbortSignal | undefined;
}

const MAX_TIMEOUT = 2 ** 31 - 1;

/**
 * Makes two connected sockets, each of which may be passed to a call of {@link newEndpoint}, here or in
 * another process.
 *
 * They are `AF_UNIX` sockets, blocking and close-on-exec: SEQPACKET on Linux, STREAM elsewhere. Both are
 * owned by the caller. Does not block.
 *
 * @returns the two descriptors
 * @throws {@link SyscallError} of `socketpair`, such as `EMFILE` at the descriptor limit
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
 * @see https://man7.org/linux/man-pages/man2/socketpair.2.html
 * @see The original: `fdchannel.NewConnectedSockets`
 */
export function newConnectedSockets(): [number, number] {
  const c = libc();
  return c.socketpair(c.abi.framings[0]);
}

/**
 * The same as `new Endpoint(sockfd)`, which says more.
 *
 * The socket is owned by the endpoint from now on, unless this throws. Does not block.
 *
 * @param sockfd a connected `AF_UNIX` socket of type SEQPACKET or STREAM
 * @returns the endpoint
 * @throws what the constructor throws
 * @see The original: `fdchannel.NewEndpoint`
 */
export function newEndpoint(sockfd: number): Endpoint {
  return new Endpoint(sockfd);
}

/**
 * Closes a descriptor, such as one that was received.
 *
 * It is the caller's before, and nobody's afterwards, whatever is thrown. In a worker thread `fs.closeSync`
 * warns about numbers that `fs` did not open; this does not. May block as long as close(2) does.
 *
 * @returns nothing
 * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor
 * @throws {@link SyscallError} `EBADF` for a number that is not open
 * @see https://man7.org/linux/man-pages/man2/close.2.html
 */
export function closeFD(fd: number): void {
  libc().close(checkDescriptor('fd', fd));
}

/**
 * Sends file descriptors to, and receives them from, another connected endpoint.
 *
 * What travels is the open file description: both sides share its offset and its status flags afterwards,
 * under descriptors of their own.
 *
 * The socket's type chooses the framing. On SEQPACKET a descriptor comes with an empty packet, as in the
 * original; on STREAM with one byte, which is what Ruby's `send_io` and most other libraries speak.
 *
 * An endpoint belongs to one thread. {@link shutdown} is the one call that may happen while another thread
 * is inside a method of an endpoint on the same socket.
 */
export class Endpoint {
  readonly #libc: Libc;
  readonly #handle: SocketHandle;
  readonly #framing: Framing;
  readonly #codec: ControlCodec;
  readonly #outgoing: MessageBuffer;
  readonly #incoming: MessageBuffer;
  readonly #room: number;
  readonly #CTRUNC: number;
  readonly #DONTWAIT: number;
  readonly #receiveFlags: number;

  /**
   * Takes a socket for sending and receiving descriptors.
   *
   * The socket is owned by the endpoint from now on, which closes it in {@link destroy}. When the constructor
   * throws, it stays the caller's, open and unchanged. Does not block.
   *
   * @param sockfd a connected `AF_UNIX` socket of type SEQPACKET or STREAM; blocking or not makes no difference
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for a socket of another family or type
   * @throws {@link SyscallError} `EBADF` for a number that is not open, `ENOTSOCK` for what is no socket
   * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   * @see The original: `Endpoint.Init`
   */
  constructor(sockfd: number) {
    checkDescriptor('sockfd', sockfd);
    const c = libc();
    const { abi } = c;
    const type = c.unixSocketType(sockfd);
    const framing = abi.framings.find((candidate) => candidate === type);
    if (framing === undefined) {
      const wanted = abi.framings.map((candidate) => candidate.toUpperCase()).join(' or ');
      const got = type
        ? `an AF_UNIX socket of type ${type.toUpperCase()}`
        : 'a socket of another family or type';
      throw invalidArgType('sockfd', `a connected AF_UNIX socket of type ${wanted}`, sockfd, got);
    }
    this.#libc = c;
    this.#framing = framing;
    this.#codec = new ControlCodec(abi, c.layout);
    this.#CTRUNC = abi.MSG_CTRUNC;
    this.#DONTWAIT = abi.MSG_DONTWAIT;
    // Makes the result a packet's real length, though there is no buffer for its data.
    this.#receiveFlags = framing === 'seqpacket' ? abi.MSG_TRUNC : 0;
    // A packet needs no data; a stream drops descriptors that come without at least one byte.
    const dataBytes = framing === 'stream' ? 1 : 0;
    this.#outgoing = new MessageBuffer(c, dataBytes, this.#codec.space(1));
    this.#incoming = new MessageBuffer(c, dataBytes, this.#codec.space(abi.receiveRoom));
    // Room for one is CMSG_LEN, not CMSG_SPACE, whose padding has room for a second descriptor.
    this.#room = this.#codec.length(abi.receiveRoom);
    // sendmsg(2) changes nothing of its message, so each send only puts its descriptor in.
    this.#outgoing.controllen = this.#codec.encode(this.#outgoing.control, [0]);
    this.#handle = new SocketHandle(c, sockfd);
  }

  /** The socket, still owned by the endpoint; -1 after {@link destroy} or {@link detach}. */
  get fd(): number {
    return this.#handle.fd;
  }

  /**
   * Sends the open file description of one descriptor.
   *
   * The descriptor is borrowed: it stays open and the caller's, who may close it as soon as this returns.
   * Blocks while the socket has no room, whatever the socket's own flags say. That is after some 280
   * descriptors which nobody received, and for ever when the one who should receive them is this same thread.
   *
   * @param source a descriptor, or an open object that has one
   * @returns nothing
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what has no descriptor
   * @throws {@link SyscallError} `EBADF` for a descriptor that is not open, and after destroy or detach;
   *   `ETOOMANYREFS` when too many of this user's descriptors are on their way
   * @throws {@link ChannelError} `ERR_FDCHANNEL_ENDED` when the peer is gone or either end was shut down
   * @see https://man7.org/linux/man-pages/man2/sendmsg.2.html
   * @see The original: `Endpoint.SendFD`
   */
  sendFD(source: DescriptorSource): void {
    const sockfd = this.#handle.open('sendmsg');
    const fd = descriptorOf(source);
    while (this.#send(fd, 0) === undefined) this.#libc.poll(sockfd, this.#libc.abi.POLLOUT, -1);
  }

  /**
   * Receives one open file description.
   *
   * The descriptor that names it here is new, close-on-exec, and owned by the caller. Blocks the thread until
   * one is there, whatever the socket's own flags say; {@link shutdown} on either end, from any thread, wakes
   * it. Waits of {@link recvFDAsync} do not come before it.
   *
   * @returns the descriptor
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for a timeout that is none
   * @throws {@link SyscallError} `ETIMEDOUT` when the time is over; `EBADF` after destroy or detach
   * @throws {@link ChannelError} `ERR_FDCHANNEL_ENDED` when the peer is gone or either end was shut down, and
   *   everything sent before was received; `ERR_FDCHANNEL_NO_DESCRIPTOR` for a packet without a descriptor;
   *   `ERR_FDCHANNEL_CONTROL_TRUNCATED` for one with several, or when the kernel could not install it here (at
   *   the descriptor limit, for instance); `ERR_FDCHANNEL_UNEXPECTED_CONTROL` for any other control message.
   *   After the last three, the packet is gone and the channel goes on
   * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
   * @see The original: `Endpoint.RecvFD`
   */
  recvFD(options?: ReceiveOptions): number {
    const sockfd = this.#handle.open('recvmsg');
    const timeout = options === undefined ? undefined : checkTimeout(options);
    if (timeout !== undefined) return this.#recvWithin(sockfd, timeout);
    for (;;) {
      const fd = this.#receive(0);
      if (fd !== undefined) return fd;
      this.#libc.poll(sockfd, this.#libc.abi.POLLIN, -1);
    }
  }

  /**
   * Receives one open file description if one is there.
   *
   * The descriptor is new, close-on-exec, and owned by the caller. Never blocks.
   *
   * @returns the descriptor
   * @throws {@link SyscallError} `EAGAIN` when nothing is there
   * @throws what {@link recvFD} throws
   * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
   * @see The original: `Endpoint.RecvFDNonblock`
   */
  recvFDNonblock(): number {
    const fd = this.tryRecvFD();
    if (fd === undefined) throw this.#libc.refusal('EAGAIN', 'recvmsg');
    return fd;
  }

  /**
   * Receives one open file description if one is there, for loops in which nothing there is no exception.
   *
   * The descriptor is new, close-on-exec, and owned by the caller. Never blocks.
   *
   * @returns the descriptor, or undefined when nothing is there
   * @throws what {@link recvFD} throws
   * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
   */
  tryRecvFD(): number | undefined {
    this.#handle.open('recvmsg');
    return this.#receiveNow();
  }

  /**
   * Sends the open file description of one descriptor, without blocking the event loop.
   *
   * The descriptor is borrowed until this returns its promise; a send that has to wait for room holds a
   * duplicate of its own, so the caller may close at once. Sends that wait go first come, first served.
   *
   * @param source a descriptor, or an open object that has one
   * @returns a promise of nothing, fulfilled when the kernel has taken the descriptor
   * @throws what {@link sendFD} throws, as a rejection; the signal's reason when it aborts before the
   *   descriptor was sent; {@link SyscallError} `EMFILE` when a duplicate is needed and cannot be had
   * @see https://man7.org/linux/man-pages/man2/sendmsg.2.html
   */
  sendFDAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void> {
    try {
      this.#handle.open('sendmsg');
      const fd = descriptorOf(source);
      const signal = checkSignal(options);
      if (this.#handle.immediately('send', () => this.#send(fd, this.#DONTWAIT))) return Promise.resolve();
      const duplicate = this.#libc.duplicate(fd);
      const release = (): void => this.#libc.discard(duplicate);
      const attempt = (): true | undefined => this.#send(duplicate, this.#DONTWAIT);
      return this.#handle.wait('send', attempt, { signal, release }).then(() => undefined);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives one open file description, without blocking the event loop and without a thread of the pool.
   *
   * The descriptor is new, close-on-exec, and owned by the caller. Receives that wait go first come, first
   * served; the blocking and the `try` form take what is there before them. A wait that was aborted has taken
   * nothing.
   *
   * @returns a promise of the descriptor
   * @throws what {@link recvFD} throws, as a rejection; the signal's reason when it aborts
   * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
   */
  recvFDAsync(options?: AsyncOptions): Promise<number> {
    // Not an async function, which would put a promise of its own around the wait's.
    try {
      this.#handle.open('recvmsg');
      const signal = checkSignal(options);
      const fd = this.#handle.immediately('receive', this.#receiveNow);
      return fd === undefined
        ? this.#handle.wait('receive', this.#receiveNow, { signal })
        : Promise.resolve(fd);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives until the end of the channel.
   *
   * Each descriptor is owned by the loop's body. Receives only when asked for the next one, so leaving the loop
   * takes nothing along, and the endpoint stays open.
   *
   * @returns an iterator that ends with the channel
   * @throws what {@link recvFDAsync} throws, but for `ERR_FDCHANNEL_ENDED`
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<number, void, undefined> {
    for (;;) {
      let fd: number;
      try {
        fd = await this.recvFDAsync();
      } catch (error) {
        if (error instanceof ChannelError && error.code === 'ERR_FDCHANNEL_ENDED') return;
        throw error;
      }
      yield fd;
    }
  }

  /**
   * Ends the channel in both directions, on both ends. Whoever is blocked or waits wakes, receives what was
   * sent before, and then `ERR_FDCHANNEL_ENDED`.
   *
   * The socket stays open and owned by the endpoint. Does not block, nor wait for the calls it wakes; the only
   * method that may be called while another thread is inside one, through an endpoint of its own or of that
   * thread's. A second time, it does nothing.
   *
   * @returns nothing
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   * @see https://man7.org/linux/man-pages/man2/shutdown.2.html
   * @see The original: `Endpoint.Shutdown`
   */
  shutdown(): void {
    this.#libc.shutdown(this.#handle.open('shutdown'));
  }

  /**
   * Closes the socket. What waits on the event loop rejects with `EBADF`; a call that blocks in another thread
   * is not woken, for which there is {@link shutdown}.
   *
   * The descriptor is nobody's afterwards; descriptors that were received stay open. Does not block. A second
   * time, and after {@link detach}, it does nothing.
   *
   * @returns nothing
   * @throws {@link SyscallError} `EBADF` when somebody else has closed the descriptor
   * @see https://man7.org/linux/man-pages/man2/close.2.html
   * @see The original: `Endpoint.Destroy`
   */
  destroy(): void {
    this.#handle.close();
  }

  /** The same as {@link destroy}. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  /**
   * Gives the socket away, open and unchanged. What waits on the event loop rejects with `EBADF`, having taken
   * nothing.
   *
   * The socket is owned by the caller afterwards. Does not block.
   *
   * @returns the socket's descriptor
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   */
  detach(): number {
    return this.#handle.detach();
  }

  /**
   * Lets waits keep the process alive, which they do from the beginning. An endpoint that waits for nothing
   * never does. Does not block.
   *
   * @returns the endpoint
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   */
  ref(): this {
    this.#handle.open('ref');
    this.#handle.keepAlive(true);
    return this;
  }

  /**
   * Lets the process end although something waits. Does not block.
   *
   * @returns the endpoint
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   */
  unref(): this {
    this.#handle.open('unref');
    this.#handle.keepAlive(false);
    return this;
  }

  #recvWithin(sockfd: number, timeout: number): number {
    const deadline = performance.now() + timeout;
    for (;;) {
      const fd = this.#receiveNow();
      if (fd !== undefined) return fd;
      const left = Math.max(0, Math.ceil(deadline - performance.now()));
      if (this.#libc.poll(sockfd, this.#libc.abi.POLLIN, left) === 0) {
        throw this.#libc.refusal('ETIMEDOUT', 'recvmsg');
      }
    }
  }

  /** True when sent, undefined where it would block. */
  #send(fd: number, flags: number): true | undefined {
    const message = this.#outgoing;
    this.#codec.replace(message.control, fd);
    try {
      const sent = this.#libc.sendmsg(this.#handle.fd, message.address, flags);
      return sent === WOULD_BLOCK ? undefined : true;
    } catch (error) {
      throw endedOr(error);
    }
  }

  readonly #receiveNow = (): number | undefined => this.#receive(this.#DONTWAIT);

  /** One recvmsg; undefined where it would block. */
  #receive(flags: number): number | undefined {
    const message = this.#incoming;
    // recvmsg(2) overwrites it with what it received.
    message.controllen = this.#room;
    const received = this.#recvmsg(flags);
    if (received === WOULD_BLOCK) return undefined;
    const fd = this.#codec.decodeOne(message.control, message.controllen);
    // At its descriptor limit the kernel leaves the buffer as it was, and of two descriptors it delivers one:
    // only MSG_CTRUNC tells.
    if (fd < 0 || (message.flags & this.#CTRUNC) !== 0) throw this.#refuse(received);
    if (this.#libc.abi.MSG_CMSG_CLOEXEC === 0) this.#libc.setCloseOnExec(fd);
    return fd;
  }

  /** recvmsg(2) into the one buffer, which has its controllen by now. */
  #recvmsg(flags: number): number {
    try {
      return this.#libc.recvmsg(this.#handle.fd, this.#incoming.address, flags | this.#receiveFlags);
    } catch (error) {
      // A peer that closed without having received everything is reported so, once and on SEQPACKET before what
      // is queued. Behind that, the end.
      if (isReset(error)) return this.#recvmsg(flags);
      throw error;
    }
  }

  /** Closes what came with the message that was received last, and says what was wrong with it. */
  #refuse(received: number): ChannelError {
    const { control, controllen, flags } = this.#incoming;
    const { descriptors, unexpected } = this.#codec.decode(control, controllen);
    for (const fd of descriptors) this.#libc.discard(fd);
    // Of a stream this is the end whatever came along: with SO_PASSCRED, Linux adds credentials even to that.
    if (received === 0 && this.#framing === 'stream') return ended();
    if (unexpected) return this.#codec.unexpectedControl(unexpected);
    if ((flags & this.#CTRUNC) !== 0 || descriptors.length > 0) {
      return new ChannelError(
        'ERR_FDCHANNEL_CONTROL_TRUNCATED',
        'a descriptor was lost: the peer sent more than one, or the kernel could not install it in this ' +
          'process (descriptor limit, security module); every one that came was closed',
      );
    }
    if (received === 0 && this.#atEnd()) return ended();
    return new ChannelError('ERR_FDCHANNEL_NO_DESCRIPTOR', 'the peer sent a packet without a descriptor');
  }

  /** Tells the end of the channel from an empty packet without a descriptor, which recvmsg(2) cannot. */
  #atEnd(): boolean {
    const { abi } = this.#libc;
    const events = this.#libc.poll(this.#handle.fd, abi.POLLIN | abi.POLLRDHUP, 0);
    if ((events & (abi.POLLHUP | abi.POLLRDHUP)) === 0) return false;
    // The peer may have gone just after the packet, with more behind it. A look without room for descriptors
    // installs none and takes none.
    const message = this.#incoming;
    message.controllen = 0;
    const next = this.#recvmsg(abi.MSG_PEEK | this.#DONTWAIT);
    return next <= 0 && (message.flags & this.#CTRUNC) === 0;
  }
}

function isReset(error: unknown): error is SyscallError {
  return error instanceof SyscallError && error.code === 'ECONNRESET';
}

function ended(cause?: SyscallError): ChannelError {
  return new ChannelError(
    'ERR_FDCHANNEL_ENDED',
    'the channel has ended: the peer is gone, or one of the two ends was shut down',
    cause && { cause },
  );
}

/** A send to a peer that is gone: EPIPE, and once ECONNRESET when it had not received everything. */
function endedOr(error: unknown): unknown {
  const over = isReset(error) || (error instanceof SyscallError && error.code === 'EPIPE');
  return over ? ended(error) : error;
}

function checkTimeout(options: ReceiveOptions): number | undefined {
  const { timeout } = checkOptions(options);
  if (timeout === undefined) return undefined;
  const expected = `a whole number of milliseconds from 0 to ${MAX_TIMEOUT}`;
  if (typeof timeout !== 'number') throw invalidArgType('options.timeout', expected, timeout);
  if (!Number.isInteger(timeout) || timeout < 0 || timeout > MAX_TIMEOUT) {
    throw outOfRange('options.timeout', expected, timeout);
  }
  return timeout;
}

/** The signal, unless it has aborted already: then its reason is thrown. */
function checkSignal(options: AsyncOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  const { signal } = checkOptions(options);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgType('options.signal', 'an AbortSignal', signal);
  }
  signal?.throwIfAborted();
  return signal;
}

function checkOptions<O>(options: O): O {
  if (typeof options !== 'object' || options === null) throw invalidArgType('options', 'an object', options);
  return options;
}
