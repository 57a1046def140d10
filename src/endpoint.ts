import type { Framing, SocketType } from './abi/abi.ts';
import {
  type AsyncOptions,
  type BatchOptions,
  type BlockingOptions,
  checkMax,
  checkSignal,
  checkStreamByte,
  checkTimeout,
  checkWord,
  type EndpointOptions,
} from './arguments.ts';
import { checkDescriptor, DescriptorList, type DescriptorSource, descriptorOf } from './descriptors.ts';
import { ChannelError, invalidArgType, type SyscallError, sentBefore } from './errors.ts';
import { type Libc, libc } from './libc/calls.ts';
import { MessageBuffer } from './libc/message-buffer.ts';
import { firstClosed } from './libc/open-descriptors.ts';
import { isConnected, shutdown, socketpair, socketType } from './libc/sockets.ts';
import { DescriptorReceiver } from './socket/descriptor-receiver.ts';
import { DescriptorSender } from './socket/descriptor-sender.ts';
import { OutgoingBatch } from './socket/outgoing-batch.ts';
import { OwnedSocket } from './socket/owned-socket.ts';
import { sharedCodec } from './socket/shared-buffers.ts';
import { Transfer } from './socket/transfer.ts';
import type { Operation, Waiting } from './socket/wait.ts';

const RECEIVE: Operation = { direction: 'in', syscall: 'recvmsg' };
const SEND: Operation = { direction: 'out', syscall: 'sendmsg' };
const SEND_MANY: Operation = { direction: 'out', syscall: 'sendmmsg' };
const RECEIVE_MANY: Operation = { direction: 'in', syscall: 'recvmmsg' };

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
 * @example
 * ```js
 * import { spawn } from 'node:child_process';
 * import { closeFDs, newConnectedSockets } from 'fdchannel';
 *
 * const [ours, theirs] = newConnectedSockets();
 * // The child finds its socket as descriptor 3.
 * spawn('true', { stdio: ['inherit', 'inherit', 'inherit', theirs] });
 * closeFDs([ours, theirs]);
 * ```
 */
export function newConnectedSockets(): [number, number] {
  const c = libc();
  return socketpair(c, c.abi.framings[0]);
}

/**
 * The same as `new Endpoint(socket)`, which says more.
 *
 * The endpoint owns the socket from now on, unless this throws. Does not block.
 *
 * @param socket a connected `AF_UNIX` socket of type SEQPACKET or STREAM, by its number or as a `UnixSocket`
 * @returns the endpoint
 * @throws what the constructor throws
 * @see The original: `fdchannel.NewEndpoint`
 * @example
 * ```js
 * import { closeFD, newConnectedSockets, newEndpoint } from 'fdchannel';
 *
 * const [sender, receiver] = newConnectedSockets().map(newEndpoint);
 * sender.sendFD(process.stdin);
 * closeFD(receiver.recvFD());
 * sender.destroy();
 * receiver.destroy();
 * ```
 */
export function newEndpoint(socket: number | OwnedSocket): Endpoint {
  // Without options, so that `newConnectedSockets().map(newEndpoint)` means what it says.
  return new Endpoint(socket);
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
 *
 * @example
 * ```js
 * import { closeSync, fstatSync, openSync } from 'node:fs';
 * import { closeFD, Endpoint } from 'fdchannel';
 *
 * const [sender, receiver] = Endpoint.pair();
 * const sent = openSync('package.json');
 * sender.sendFD(sent);
 * sender.shutdown();
 * for await (const received of receiver) {
 *   console.log(fstatSync(received).ino === fstatSync(sent).ino); // true
 *   closeFD(received);
 * }
 * sender.destroy();
 * receiver.destroy();
 * closeSync(sent);
 * ```
 */
export class Endpoint extends OwnedSocket {
  /** The type of the socket, which chooses the framing. */
  declare readonly type: Framing;
  readonly #sender: DescriptorSender;
  readonly #receiver: DescriptorReceiver;
  #list: DescriptorList | undefined;
  readonly #DONTWAIT: number;

  /**
   * Takes a socket for sending and receiving descriptors.
   *
   * The endpoint owns the socket from now on, and closes it in {@link destroy}. When the constructor
   * throws, it stays the caller's, open and unchanged. Does not block.
   *
   * @param socket a connected `AF_UNIX` socket of type SEQPACKET or STREAM, by its number or as an object, which is then
   *   detached; blocking or not makes no difference
   * @param options how the endpoint frames descriptors
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor, or for
   *   bad options
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for a socket of another family or type, or without a peer
   * @throws {@link SyscallError} `EBADF` for a number that is not open, `ENOTSOCK` for what is no socket
   * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   * @see The original: `Endpoint.Init`
   */
  constructor(socket: number | OwnedSocket, options?: EndpointOptions) {
    const c = libc();
    const byte = checkStreamByte(options);
    const taken = socket instanceof OwnedSocket && !(socket instanceof Endpoint) ? socket : undefined;
    const framing = framingOf(c, taken ? taken.fd : (socket as number));
    super(c, taken ? taken.detach() : (socket as number), framing);
    const { abi } = c;
    const codec = sharedCodec(c);
    // A packet needs no data; a stream drops descriptors that come without at least one byte.
    const stream = this.type === 'stream';
    const outgoing = new MessageBuffer(c, stream ? 1 : 0, codec.space(1));
    const incoming = new MessageBuffer(c, stream ? STREAM_BYTES : 0, codec.space(abi.receiveRoom));
    outgoing.data.fill(byte);
    // sendmsg(2) changes nothing of its message, so each send only puts its descriptor in.
    outgoing.controllen = codec.encode(outgoing, [0]);
    const transfer = new Transfer(c, this, this.type, codec, outgoing, incoming);
    this.#sender = new DescriptorSender(transfer);
    this.#receiver = new DescriptorReceiver(this.type, transfer, this.waits);
    this.#DONTWAIT = abi.MSG_DONTWAIT;
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
    const flags = this.waits.firstFlags(timeout);
    if (!this.waits.clear('out', flags) || !this.#sender.one(fd, flags)) this.#sendLater(fd, timeout);
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
    return this.waits.clear('out', this.#DONTWAIT) && this.#sender.one(fd, this.#DONTWAIT) === true;
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
    const received = this.#receiver.attempt(this.waits.firstFlags(timeout));
    return received ?? this.waits.block(RECEIVE, this.#receiver, timeout);
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
    return this.#receiver.attempt(this.#DONTWAIT);
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
      const call: Waiting<true> = {
        attempt: (flags) => this.#sender.one(fd, flags),
        hold: () => this.#hold(fd),
      };
      return this.waits.soon(SEND, call, signal).then(toNothing);
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
      return this.waits.soon(RECEIVE, this.#receiver, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends the open file descriptions of several descriptors, in order: the same packets as so many calls of
   * {@link sendFD}, by one system call for each 64 of them.
   *
   * The descriptors are borrowed, as in {@link sendFD}. Blocks until all are sent. A source that has no descriptor, or
   * whose descriptor is not open, is refused before any is sent.
   *
   * @param sources descriptors, or open objects that have one
   * @throws what {@link sendFD} throws; its `sent` is the number of those that were sent
   * @see https://man7.org/linux/man-pages/man2/sendmmsg.2.html
   */
  sendFDs(sources: readonly DescriptorSource[], options?: BlockingOptions): void {
    const list = this.#read(sources);
    const { fds, count } = list;
    const timeout = checkTimeout(options);
    this.#requireSendable(list);
    const flags = this.waits.firstFlags(timeout);
    const sent = this.waits.clear('out', flags) ? this.#sender.many(fds, count, 0, flags) : 0;
    if (sent < count) this.#sendRest(list, sent, timeout);
    this.#list = list;
  }

  /**
   * Sends the open file descriptions of the first of several descriptors, as many as the socket has room for.
   *
   * The descriptors are borrowed. Never blocks.
   *
   * @param sources descriptors, or open objects that have one
   * @returns how many were sent
   * @throws what {@link sendFDs} throws, when none was sent: an error behind the first comes with the next call
   * @see https://man7.org/linux/man-pages/man2/sendmmsg.2.html
   */
  trySendFDs(sources: readonly DescriptorSource[]): number {
    const list = this.#read(sources);
    this.#requireSendable(list);
    if (!this.waits.clear('out', this.#DONTWAIT)) return 0;
    try {
      const sent = this.#sender.many(list.fds, list.count, 0, this.#DONTWAIT);
      this.#list = list;
      return sent;
    } catch (error) {
      const { sent = 0 } = error as SyscallError | ChannelError;
      if (sent > 0) return sent;
      throw error;
    }
  }

  /**
   * Receives several open file descriptions: at least one, and then what is there.
   *
   * The descriptors are new, close-on-exec, and owned by the caller. Blocks as {@link recvFD} does, which it is when
   * `max` is 1; otherwise it is one system call. Of packets that {@link recvFD} would refuse, each is an error of its own:
   * those that came together with good ones are thrown by the next calls that receive, in whichever form, one by each.
   *
   * @returns the descriptors, in order, at most `max`
   * @throws what {@link recvFD} throws; TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for a bad `max`
   * @see https://man7.org/linux/man-pages/man2/recvmmsg.2.html
   */
  recvFDs(options?: BatchOptions & BlockingOptions): number[] {
    const max = checkMax(options);
    const timeout = checkTimeout(options);
    this.requireOpen('recvmmsg');
    return this.#receiver.many(max, this.waits.firstFlags(timeout)) ?? this.#receiveLater(max, timeout);
  }

  /**
   * Receives the open file descriptions that are there.
   *
   * The descriptors are new, close-on-exec, and owned by the caller. Never blocks.
   *
   * @returns the descriptors, in order, at most `max`; none when nothing is there
   * @throws what {@link recvFDs} throws
   * @see https://man7.org/linux/man-pages/man2/recvmmsg.2.html
   */
  tryRecvFDs(options?: BatchOptions): number[] {
    const max = checkMax(options);
    this.requireOpen('recvmmsg');
    return this.#receiver.many(max, this.#DONTWAIT) ?? [];
  }

  /**
   * Sends the open file descriptions of several descriptors, in order, without blocking the event loop.
   *
   * The descriptors are borrowed until this returns its promise; those that have to wait for room are held as
   * duplicates, so the caller may close at once. Nothing else that this endpoint sends comes in between: while a part is
   * sent, {@link trySendFD} finds no room, and {@link sendFD} sends the rest first.
   *
   * @param sources descriptors, or open objects that have one
   * @returns a promise that is fulfilled when the kernel has taken all of them
   * @throws what {@link sendFDs} throws, as a rejection, but for the time; the signal's reason when it aborts before any
   *   was sent, and {@link ChannelError} `ERR_FDCHANNEL_PARTLY_SENT` when some were: `sent` is their number, `cause` the
   *   signal's reason, or the `EBADF` of destroy or detach; {@link SyscallError} `EMFILE` when a duplicate is needed and
   *   cannot be had
   * @see https://man7.org/linux/man-pages/man2/sendmmsg.2.html
   */
  sendFDsAsync(sources: readonly DescriptorSource[], options?: AsyncOptions): Promise<void> {
    try {
      const list = this.#read(sources);
      const signal = checkSignal(options);
      this.#requireSendable(list);
      const batch = new OutgoingBatch(this.libc, this.#sender, list.fds, list.count);
      return this.waits.soon(SEND_MANY, batch, signal).then(toNothing);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives several open file descriptions, at least one, without blocking the event loop.
   *
   * The descriptors are new, close-on-exec, and owned by the caller. Waits in turn with {@link recvFDAsync}, and takes
   * what is there when its turn has come. A wait that was aborted has taken nothing.
   *
   * @returns a promise of the descriptors, in order, at most `max`
   * @throws what {@link recvFDs} throws, as a rejection, but for the time; the signal's reason when it aborts
   * @see https://man7.org/linux/man-pages/man2/recvmmsg.2.html
   */
  recvFDsAsync(options?: AsyncOptions & BatchOptions): Promise<number[]> {
    try {
      const max = checkMax(options);
      const signal = checkSignal(options);
      this.requireOpen('recvmmsg');
      const attempt = (flags: number): number[] | undefined => this.#receiver.many(max, flags);
      return this.waits.soon(RECEIVE_MANY, { attempt }, signal);
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

  // Apart from sendFD, which would make room for the closure in every call.
  #sendLater(fd: number, timeout: number | undefined): void {
    this.waits.block(SEND, { attempt: (flags) => this.#sender.one(fd, flags) }, timeout);
  }

  /** Takes the list out of use: a getter among the sources may send, too. Whoever is done puts it back. */
  #read(sources: readonly DescriptorSource[]): DescriptorList {
    const list = this.#list ?? new DescriptorList();
    this.#list = undefined;
    list.read(sources);
    return list;
  }

  #sendRest({ fds, count }: DescriptorList, sent: number, timeout: number | undefined): void {
    const batch = new OutgoingBatch(this.libc, this.#sender, fds, count, sent);
    try {
      this.waits.block(SEND_MANY, batch, timeout);
    } catch (error) {
      throw sentBefore(error, batch.sent);
    }
  }

  #receiveLater(max: number, timeout: number | undefined): number[] {
    const attempt = (flags: number): number[] | undefined => this.#receiver.many(max, flags);
    return this.waits.block(RECEIVE_MANY, { attempt }, timeout);
  }

  /** The kernel would send what comes before a descriptor that is not open. Of a single one it says so in time. */
  #requireSendable({ fds, count }: DescriptorList): void {
    this.requireOpen('sendmmsg');
    const closed = count > 1 ? firstClosed(this.libc, fds, count) : undefined;
    if (closed !== undefined)
      throw this.libc.refusal('EBADF', 'sendmmsg', { detail: `(descriptor ${closed} is not open)` });
  }

  /** A send that waits has a duplicate of its own. */
  #hold(fd: number): Waiting<true> {
    const duplicate = this.libc.duplicate(fd);
    return {
      attempt: (flags) => this.#sender.one(duplicate, flags),
      release: () => this.libc.discard(duplicate),
    };
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
