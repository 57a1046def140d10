import type { Framing, SocketType } from './abi/abi.ts';
import {
  type AsyncOptions,
  type BlockingOptions,
  checkSignal,
  checkStreamByte,
  checkTimeout,
  checkWord,
  type EndpointOptions,
} from './arguments.ts';
import { checkDescriptor, type DescriptorSource, descriptorOf } from './descriptors.ts';
import { ChannelError, invalidArgType } from './errors.ts';
import { type Libc, libc, WOULD_BLOCK } from './libc/calls.ts';
import { MessageBuffer } from './libc/message-buffer.ts';
import { isConnected, shutdown, socketpair, socketType } from './libc/sockets.ts';
import { ControlCodec } from './socket/control.ts';
import { OwnedSocket } from './socket/owned-socket.ts';
import { ended, Transfer } from './socket/transfer.ts';
import type { Waiting } from './socket/waits.ts';

const SEND = { direction: 'out', syscall: 'sendmsg' } as const;
const RECEIVE = { direction: 'in', syscall: 'recvmsg' } as const;

/** How many bytes a stream endpoint takes with a descriptor: Rust's passfd sends four. */
const STREAM_BYTES = 8;

/**
 * Makes two connected sockets, each of which may be passed to a call of {@link newEndpoint}, here or in
 * another process.
 *
 * They are `AF_UNIX` sockets, blocking and close-on-exec: SEQPACKET on Linux, STREAM elsewhere. The caller owns
 * both. Does not block.
 *
 * @returns the two descriptors
 * @throws {@link SyscallError} of `socketpair`, such as `EMFILE` at the descriptor limit
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
 * @see https://man7.org/linux/man-pages/man2/socketpair.2.html
 * @see The original: `fdchannel.NewConnectedSockets`
 */
export function newConnectedSockets(): [number, number] {
  const c = libc();
  return socketpair(c, c.abi.framings[0]);
}

/**
 * The same as `new Endpoint(sockfd)`, which says more.
 *
 * The endpoint owns the socket from now on, unless this throws. Does not block.
 *
 * @param sockfd a connected `AF_UNIX` socket of type SEQPACKET or STREAM
 * @returns the endpoint
 * @throws what the constructor throws
 * @see The original: `fdchannel.NewEndpoint`
 */
export function newEndpoint(sockfd: number): Endpoint {
  // Without options, so that `newConnectedSockets().map(newEndpoint)` means what it says.
  return new Endpoint(sockfd);
}

/**
 * Sends file descriptors to, and receives them from, another connected endpoint.
 *
 * What travels is the open file description: both sides share its offset and its status flags afterwards,
 * under descriptors of their own.
 *
 * The socket's type chooses the framing. On SEQPACKET a descriptor comes with an empty packet, as in the
 * original. On STREAM it comes with one byte, which is what Ruby's `send_io` and most other libraries speak.
 *
 * An endpoint belongs to one thread. {@link shutdown} is the only call that may happen while another thread
 * is inside a method of an endpoint on the same socket.
 */
export class Endpoint extends OwnedSocket {
  /** The type of the socket, which chooses the framing. */
  declare readonly type: Framing;
  readonly #codec: ControlCodec;
  readonly #transfer: Transfer;
  readonly #room: number;
  readonly #DONTWAIT: number;

  /**
   * Takes a socket for sending and receiving descriptors.
   *
   * The endpoint owns the socket from now on, and closes it in {@link destroy}. When the constructor
   * throws, it stays the caller's, open and unchanged. Does not block.
   *
   * @param sockfd a connected `AF_UNIX` socket of type SEQPACKET or STREAM; blocking or not makes no difference
   * @param options how the endpoint frames descriptors
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor, or for
   *   bad options
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for a socket of another family or type, or without a peer
   * @throws {@link SyscallError} `EBADF` for a number that is not open, `ENOTSOCK` for what is no socket
   * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   * @see The original: `Endpoint.Init`
   */
  constructor(sockfd: number, options?: EndpointOptions) {
    const c = libc();
    const byte = checkStreamByte(options);
    super(c, sockfd, framingOf(c, sockfd));
    const { abi } = c;
    this.#codec = new ControlCodec(abi, c.layout);
    this.#DONTWAIT = abi.MSG_DONTWAIT;
    // A packet needs no data; a stream drops descriptors that come without at least one byte.
    const stream = this.type === 'stream';
    const outgoing = new MessageBuffer(c, stream ? 1 : 0, this.#codec.space(1));
    const incoming = new MessageBuffer(c, stream ? STREAM_BYTES : 0, this.#codec.space(abi.receiveRoom));
    outgoing.data.fill(byte);
    // sendmsg(2) changes nothing of its message, so each send only puts its descriptor in.
    outgoing.controllen = this.#codec.encode(outgoing.control, [0]);
    // Room for one is CMSG_LEN, not CMSG_SPACE, whose padding has room for a second descriptor.
    this.#room = this.#codec.length(abi.receiveRoom);
    this.#transfer = new Transfer(c, this, this.type, this.#codec, outgoing, incoming);
  }

  /**
   * Two connected endpoints in this process, for a channel between two of its threads, or for tests.
   *
   * Each endpoint owns its socket. Does not block.
   *
   * @param type the type of the sockets; `'seqpacket'` on Linux and `'stream'` elsewhere when it is not given
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` for a type that this platform cannot frame
   * @throws {@link SyscallError} of `socketpair`, such as `EMFILE` at the descriptor limit
   * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
   * @see https://man7.org/linux/man-pages/man2/socketpair.2.html
   */
  static pair(type?: Framing): [Endpoint, Endpoint] {
    const c = libc();
    const { framings } = c.abi;
    const [a, b] = socketpair(c, type === undefined ? framings[0] : checkWord('type', type, framings));
    return [new Endpoint(a), new Endpoint(b)];
  }

  /**
   * Sends the open file description of one descriptor.
   *
   * The descriptor is borrowed: it stays open and the caller's, who may close it as soon as this returns.
   * Blocks while the socket has no room, whatever the socket's own flags say. The socket is full after some 280
   * unreceived descriptors. If the receiver is this same thread, a call without a timeout never returns.
   *
   * @param source a descriptor, or an open object that has one
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what has no descriptor, and for a
   *   timeout that is none; TypeError `ERR_INVALID_ARG_VALUE` for a signal
   * @throws {@link SyscallError} `EBADF` for a descriptor that is not open, and after destroy or detach;
   *   `ETIMEDOUT` when the time is over; `ETOOMANYREFS` when too many of this user's descriptors are on their way
   * @throws {@link ChannelError} `ERR_FDCHANNEL_ENDED` when the peer is gone or either end was shut down
   * @see https://man7.org/linux/man-pages/man2/sendmsg.2.html
   * @see The original: `Endpoint.SendFD`
   */
  sendFD(source: DescriptorSource, options?: BlockingOptions): void {
    const fd = descriptorOf(source);
    const timeout = checkTimeout(options);
    this.requireOpen('sendmsg');
    if (!this.#send(fd, this.waits.firstFlags(timeout))) this.#sendLater(fd, timeout);
  }

  /**
   * Sends the open file description of one descriptor if the socket has room.
   *
   * The descriptor is borrowed: it stays open and the caller's. Never blocks.
   *
   * @param source a descriptor, or an open object that has one
   * @returns whether it was sent; false when the socket is full
   * @throws what {@link sendFD} throws
   * @see https://man7.org/linux/man-pages/man2/sendmsg.2.html
   */
  trySendFD(source: DescriptorSource): boolean {
    const fd = descriptorOf(source);
    this.requireOpen('sendmsg');
    return this.#send(fd, this.#DONTWAIT) === true;
  }

  /**
   * Receives one open file description.
   *
   * The descriptor that names it here is new, close-on-exec, and owned by the caller. Blocks the thread until
   * one is there, whatever the socket's own flags say; {@link shutdown} on either end, from any thread, wakes
   * it. It takes what is there before the waits of {@link recvFDAsync} do.
   *
   * @returns the descriptor
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for a timeout that is none;
   *   TypeError `ERR_INVALID_ARG_VALUE` for a signal
   * @throws {@link SyscallError} `ETIMEDOUT` when the time is over; `EBADF` after destroy or detach
   * @throws {@link ChannelError} `ERR_FDCHANNEL_ENDED` when the peer is gone or either end was shut down, and
   *   everything sent before was received; `ERR_FDCHANNEL_NO_DESCRIPTOR` for a packet without a descriptor;
   *   `ERR_FDCHANNEL_CONTROL_TRUNCATED` for one with several, or when the kernel could not install it here (at
   *   the descriptor limit, for instance); `ERR_FDCHANNEL_UNEXPECTED_CONTROL` for any other control message.
   *   After the last three, the packet is gone and the channel goes on
   * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
   * @see The original: `Endpoint.RecvFD`
   */
  recvFD(options?: BlockingOptions): number {
    const timeout = checkTimeout(options);
    this.requireOpen('recvmsg');
    return this.#receive(this.waits.firstFlags(timeout)) ?? this.waits.block(RECEIVE, this.#receive, timeout);
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
    if (fd === undefined) throw this.libc.refusal('EAGAIN', 'recvmsg');
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
    this.requireOpen('recvmsg');
    return this.#receive(this.#DONTWAIT);
  }

  /**
   * Sends the open file description of one descriptor, without blocking the event loop.
   *
   * The descriptor is borrowed until this returns its promise; a send that has to wait for room holds a
   * duplicate of its own, so the caller may close at once. Sends that wait go first come, first served.
   *
   * @param source a descriptor, or an open object that has one
   * @returns a promise that is fulfilled when the kernel has taken the descriptor
   * @throws what {@link sendFD} throws, as a rejection, but for the time; the signal's reason when it aborts
   *   before the descriptor was sent; {@link SyscallError} `EMFILE` when a duplicate is needed and cannot be had;
   *   TypeError `ERR_INVALID_ARG_VALUE` for a timeout
   * @see https://man7.org/linux/man-pages/man2/sendmsg.2.html
   */
  sendFDAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void> {
    try {
      const fd = descriptorOf(source);
      const signal = checkSignal(options);
      this.requireOpen('sendmsg');
      const attempt = (flags: number): true | undefined => this.#send(fd, flags);
      return this.waits.soon(SEND, attempt, signal, () => this.#hold(fd)).then(toNothing);
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
   * @throws what {@link recvFD} throws, as a rejection, but for the time; the signal's reason when it aborts;
   *   TypeError `ERR_INVALID_ARG_VALUE` for a timeout
   * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
   */
  recvFDAsync(options?: AsyncOptions): Promise<number> {
    // Not an async function, which would put a promise of its own around the wait's.
    try {
      const signal = checkSignal(options);
      this.requireOpen('recvmsg');
      return this.waits.soon(RECEIVE, this.#receive, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives until the end of the channel.
   *
   * The loop's body owns each descriptor. Receives only when asked for the next one, so leaving the loop
   * takes nothing along, and the endpoint stays open.
   *
   * @returns an iterator that ends with the channel
   * @throws what {@link recvFDAsync} throws, but for `ERR_FDCHANNEL_ENDED`
   */
  async *descriptors(options?: AsyncOptions): AsyncGenerator<number, void, undefined> {
    for (;;) {
      let fd: number;
      try {
        fd = await this.recvFDAsync(options);
      } catch (error) {
        if (error instanceof ChannelError && error.code === 'ERR_FDCHANNEL_ENDED') return;
        throw error;
      }
      yield fd;
    }
  }

  /** The same as {@link descriptors} without options. */
  [Symbol.asyncIterator](): AsyncGenerator<number, void, undefined> {
    return this.descriptors();
  }

  /**
   * Ends the channel in both directions, on both ends. Whoever is blocked or waits wakes, receives what was
   * sent before, and then `ERR_FDCHANNEL_ENDED`.
   *
   * The socket stays open and owned by the endpoint. Does not block, nor wait for the calls it wakes. This is the
   * only method that may be called while another thread is inside one, through an endpoint of its own or of that
   * thread's. A second time, it does nothing.
   *
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   * @see https://man7.org/linux/man-pages/man2/shutdown.2.html
   * @see The original: `Endpoint.Shutdown`
   */
  shutdown(): void {
    shutdown(this.libc, this.requireOpen('shutdown'));
  }

  /** One sendmsg; true when sent, undefined where it would block. */
  #send(fd: number, flags: number): true | undefined {
    this.#codec.replace(this.#transfer.outgoing.control, fd);
    return this.#transfer.send(flags) === WOULD_BLOCK ? undefined : true;
  }

  // Apart from sendFD, which would make room for the closure in every call.
  #sendLater(fd: number, timeout: number | undefined): void {
    this.waits.block(SEND, (flags) => this.#send(fd, flags), timeout);
  }

  /** A send that waits has a duplicate of its own. */
  #hold(fd: number): Waiting<true> {
    const duplicate = this.libc.duplicate(fd);
    return {
      attempt: (flags) => this.#send(duplicate, flags),
      release: () => this.libc.discard(duplicate),
    };
  }

  /** One recvmsg; undefined where it would block. */
  readonly #receive = (flags: number): number | undefined => {
    const transfer = this.#transfer;
    const received = transfer.receive(this.#room, flags);
    if (received === WOULD_BLOCK) return undefined;
    const { control, controllen } = transfer.incoming;
    const fd = this.#codec.decodeOne(control, controllen);
    // At its descriptor limit the kernel leaves the buffer as it was, and of two descriptors it delivers one:
    // only MSG_CTRUNC tells.
    if (fd < 0 || transfer.truncated) throw this.#refuse(received);
    if (this.libc.abi.MSG_CMSG_CLOEXEC === 0) this.libc.setCloseOnExec(fd);
    return fd;
  };

  /** Closes what came with the message that was received last, and says what was wrong with it. */
  #refuse(received: number): ChannelError {
    const { truncated } = this.#transfer;
    const { descriptors, unexpected } = this.#transfer.discard();
    // On a stream, no data is the end whatever came along: with SO_PASSCRED, Linux adds credentials even to that.
    if (received === 0 && this.type === 'stream') return ended();
    if (unexpected) return this.#codec.unexpectedControl(unexpected);
    if (truncated || descriptors.length > 0) {
      return new ChannelError(
        'ERR_FDCHANNEL_CONTROL_TRUNCATED',
        'a descriptor was lost: the peer sent more than one, or the kernel could not install it in this ' +
          'process (descriptor limit, security module); every one that came was closed',
      );
    }
    if (received === 0 && this.#transfer.atEnd()) return ended();
    return new ChannelError('ERR_FDCHANNEL_NO_DESCRIPTOR', 'the peer sent a packet without a descriptor');
  }
}

/**
 * The framing for a socket that an endpoint may take.
 *
 * @throws what the constructor of {@link Endpoint} throws
 */
function framingOf(c: Libc, sockfd: number): Framing {
  checkDescriptor('sockfd', sockfd);
  const { framings } = c.abi;
  const type = socketType(c, sockfd);
  const framing = framings.find((candidate) => candidate === type);
  if (framing !== undefined && isConnected(c, sockfd)) return framing;
  const wanted = framings.map((candidate) => candidate.toUpperCase()).join(' or ');
  throw invalidArgType(
    'sockfd',
    `a connected AF_UNIX socket of type ${wanted}`,
    sockfd,
    kindOf(type, framing),
  );
}

function kindOf(type: SocketType | undefined, framing: Framing | undefined): string {
  if (type === undefined) return 'a socket of another family or type';
  return `an ${framing === undefined ? '' : 'unconnected '}AF_UNIX socket of type ${type.toUpperCase()}`;
}

function toNothing(): void {}
