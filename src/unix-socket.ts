import type { SocketType } from './abi/abi.ts';
import {
  type AsyncOptions,
  type BindOptions,
  type BlockingOptions,
  checkBinding,
  checkData,
  checkObject,
  checkSignal,
  checkTimeout,
  checkType,
  checkWanted,
  checkWord,
  gathered,
  type MessageData,
  type ReceiveMessageOptions,
  type SendMessageOptions,
  type TypeOptions,
} from './arguments.ts';
import { checkDescriptor, type DescriptorSource, descriptorsOf } from './descriptors.ts';
import { invalidArgType, invalidArgValue, SyscallError, UnsupportedPlatformError } from './errors.ts';
import { SocketAddress } from './libc/address.ts';
import { type Libc, libc } from './libc/calls.ts';
import {
  getsockopt,
  isConnected,
  type PeerCredentials,
  peerCredentials,
  setsockopt,
  shutdown,
  socket,
  socketpair,
  socketType,
} from './libc/sockets.ts';
import { connectBlocking, connectSoon } from './socket/connecting.ts';
import { MadeSocket } from './socket/made-socket.ts';
import { OwnedSocket } from './socket/owned-socket.ts';
import { absolute, type BoundName, bindName, unlinkName } from './socket/paths.ts';
import { type Message, Receiving, type Wanted } from './socket/receiving.ts';
import { mustRetry, RetryQueue, retryBlocking, spend } from './socket/retries.ts';
import { type OutgoingMessage, type Sender, Sending, sendOnce } from './socket/sending.ts';
import { DEFAULT_BYTES, MOST_PARTS, sharedBuffers } from './socket/shared-buffers.ts';
import { Transfer } from './socket/transfer.ts';

export type { PeerCredentials } from './libc/sockets.ts';
export type { Message } from './socket/receiving.ts';

const SEND = { direction: 'out', syscall: 'sendmsg' } as const;
const RECEIVE = { direction: 'in', syscall: 'recvmsg' } as const;

/**
 * A standing order for messages.
 *
 * @internal
 */
export interface MessageWatch {
  /** Receives a message that may be there, without waiting for the event loop. */
  look(): void;
  /** Nothing comes any more. */
  end(): void;
}

/**
 * Sends and receives data, with up to 253 descriptors a message, on a Unix socket of any type.
 *
 * A packet (SEQPACKET, DGRAM) is one message. A STREAM has no messages, only bytes: descriptors arrive no later than the
 * first byte that they were sent with, and never with those of a later message.
 *
 * A socket belongs to one thread.
 *
 * @example
 * ```js
 * import { closeFDs, UnixSocket } from 'fdchannel';
 *
 * const [ours, theirs] = UnixSocket.pair();
 * ours.sendMessage('standard input', [process.stdin]);
 * const { data, fds } = await theirs.recvMessageAsync();
 * console.log(data.toString(), fds.length); // standard input 1
 * closeFDs(fds);
 * ours.destroy();
 * theirs.destroy();
 * ```
 */
export class UnixSocket extends OwnedSocket {
  readonly #sender: Sender;
  readonly #receiving: Receiving;
  readonly #everything: Wanted;
  #bound: BoundName | undefined;
  #retries: RetryQueue | undefined;

  /**
   * Takes a socket.
   *
   * The new object owns the socket from now on, and closes it in {@link destroy}. When the constructor throws, the
   * socket stays the caller's, open and unchanged. Does not block.
   *
   * @param sockfd an `AF_UNIX` socket: connected, or of type DGRAM
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, RangeError `ERR_OUT_OF_RANGE` for what cannot be a descriptor
   * @throws TypeError `ERR_INVALID_ARG_TYPE` for a socket of another family or type, or without a peer
   * @throws {@link SyscallError} `EBADF` for a number that is not open, `ENOTSOCK` for what is no socket
   * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
   * @see https://man7.org/linux/man-pages/man7/unix.7.html
   */
  constructor(sockfd: number);
  /** @internal */
  constructor(made: MadeSocket);
  constructor(sockfd: number | MadeSocket) {
    const c = libc();
    const { fd, type } = sockfd instanceof MadeSocket ? sockfd : checked(c, sockfd);
    super(c, fd, type);
    const { abi } = c;
    const buffers = sharedBuffers(c);
    const { codec, outgoing, incoming } = buffers;
    const transfer = new Transfer(c, this, this.type, codec, outgoing, incoming);
    this.#sender = { transfer, buffers, waits: this.waits, torn: false };
    this.#receiving = new Receiving(this.type, transfer, buffers);
    this.#everything = { bytes: DEFAULT_BYTES, descriptors: abi.mostDescriptors, into: undefined };
  }

  /**
   * Two connected sockets in this process. Each object owns its socket. Does not block.
   *
   * @param type `'seqpacket'` on Linux and `'stream'` elsewhere when it is not given
   * @throws TypeError `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`
   * @throws {@link SyscallError} of `socketpair`, such as `EMFILE` at the descriptor limit
   * @see https://man7.org/linux/man-pages/man2/socketpair.2.html
   */
  static pair(type?: SocketType): [UnixSocket, UnixSocket] {
    const c = libc();
    const made = checkType({ type }, c.abi.framings[0]);
    const [a, b] = socketpair(c, made);
    return [new UnixSocket(new MadeSocket(a, made)), new UnixSocket(new MadeSocket(b, made))];
  }

  /**
   * Connects to a socket that listens at an address, or receives datagrams there.
   *
   * The new object owns its socket. Blocks while the other side's backlog is full.
   *
   * @param address a path; on Linux, a name that begins with `'\0'` is abstract
   * @throws TypeError, RangeError for bad arguments
   * @throws {@link SyscallError} with the `address`: `ENOENT`, `ECONNREFUSED`, `EACCES`; `EPROTOTYPE` where a socket of
   *   another type listens; `ENAMETOOLONG`, before the kernel is asked; `ETIMEDOUT`
   * @see https://man7.org/linux/man-pages/man2/connect.2.html
   */
  static connect(address: string, options?: TypeOptions & BlockingOptions): UnixSocket {
    const c = libc();
    const timeout = checkTimeout(options);
    const type = checkType(options, c.abi.framings[0]);
    const fd = connectBlocking(c, type, new SocketAddress(c, address, 'connect'), timeout);
    return new UnixSocket(new MadeSocket(fd, type));
  }

  /**
   * Connects as {@link connect} does, without blocking the event loop. While the other side's backlog is full, it tries
   * again after 1, 2, 4 … 50 ms.
   *
   * @returns a promise of the socket, which owns its descriptor
   * @throws what {@link connect} throws, as a rejection, but for the time; the signal's reason when it aborts
   */
  static async connectAsync(address: string, options?: TypeOptions & AsyncOptions): Promise<UnixSocket> {
    const c = libc();
    const signal = checkSignal(options);
    const type = checkType(options, c.abi.framings[0]);
    const to = new SocketAddress(c, absolute(c, address), 'connect');
    return new UnixSocket(new MadeSocket(await connectSoon(c, type, to, signal), type));
  }

  /**
   * A socket that receives datagrams at an address.
   *
   * The new object owns its socket and the file that was made for a path: {@link destroy} removes that file, and no
   * other. Does not block.
   *
   * @param address a path; on Linux, a name that begins with `'\0'` is abstract
   * @throws TypeError, RangeError for bad arguments
   * @throws {@link SyscallError} with the `address`: `EADDRINUSE`, `ENOENT`, `EACCES`, `ENAMETOOLONG`
   * @see https://man7.org/linux/man-pages/man2/bind.2.html
   */
  static override bind(address: string, options: { readonly type: 'dgram' } & BindOptions): UnixSocket {
    const c = libc();
    checkWord('options.type', checkObject(options).type, ['dgram']);
    const { mode, replace } = checkBinding(options);
    const fd = socket(c, 'dgram');
    let bound: BoundName | undefined;
    try {
      bound = bindName(c, fd, absolute(c, address), 'dgram', mode, replace);
      const made = new UnixSocket(new MadeSocket(fd, 'dgram'));
      made.#bound = bound;
      return made;
    } catch (error) {
      if (bound) unlinkName(bound);
      c.discard(fd);
      throw error;
    }
  }

  /**
   * Sends a message.
   *
   * The descriptors are borrowed: they stay open and the caller's. Blocks while the socket has no room, whatever the
   * socket's own flags say. On a stream it returns when all is out.
   *
   * @param data a text (UTF-8), bytes, or several of them, which are gathered; not copied where they are large
   * @param sources up to 253 descriptors, or open objects that have one; on a stream only with at least one byte of data,
   *   as the kernel drops them otherwise
   * @returns the number of bytes sent
   * @throws TypeError, RangeError for bad arguments, before anything is sent
   * @throws {@link SyscallError} `EBADF` for a descriptor that is not open, and after destroy or detach; `EMSGSIZE` for a
   *   packet that is too long; `ETIMEDOUT`; `ETOOMANYREFS`; `ECONNREFUSED` and `ENOENT` of a datagram's receiver
   * @throws {@link ChannelError} `ERR_FDCHANNEL_ENDED` when the peer is gone or either end was shut down;
   *   `ERR_FDCHANNEL_TORN` after a message was cut in the middle
   * @see https://man7.org/linux/man-pages/man2/sendmsg.2.html
   */
  sendMessage(
    data: MessageData,
    sources?: readonly DescriptorSource[],
    options?: SendMessageOptions & BlockingOptions,
  ): number {
    const message = this.#outgoing(data, sources, options);
    const timeout = checkTimeout(options);
    if (message.to && mustRetry(timeout))
      return this.#sendDatagramBlocking(message, message.to.name, timeout);
    const flags = this.waits.firstFlags(timeout);
    const sent = this.#sendOnce(message, flags);
    return sent === message.bytes ? sent : this.#sendRest(message, sent, flags, timeout);
  }

  /**
   * Sends a message if the socket has room.
   *
   * The descriptors are borrowed. Never blocks. A stream may take only a part: what is left is the caller's to send, and
   * the descriptors have gone with the first byte.
   *
   * @returns the number of bytes that the kernel took; undefined when the socket is full
   * @throws what {@link sendMessage} throws
   */
  trySendMessage(
    data: MessageData,
    sources?: readonly DescriptorSource[],
    options?: SendMessageOptions,
  ): number | undefined {
    return this.#sendOnce(this.#outgoing(data, sources, options), this.libc.abi.MSG_DONTWAIT);
  }

  /**
   * What {@link trySendMessage} does, with parts and descriptors that are checked.
   *
   * @param bytes how many the parts have
   * @internal
   */
  trySendParts(
    parts: readonly Uint8Array[],
    bytes: number,
    descriptors: readonly number[],
  ): number | undefined {
    const message = { parts: gathered(parts, MOST_PARTS), bytes, descriptors, to: undefined };
    return this.#sendOnce(message, this.libc.abi.MSG_DONTWAIT);
  }

  /**
   * Sends them all, once the event loop sees that there is room.
   *
   * @param descriptors must stay open until then
   * @param done is told when they are sent, or of what {@link sendMessageAsync} throws, in the middle of the loop's work:
   *   it must not run foreign code
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   * @internal
   */
  sendPartsLater(
    parts: readonly Uint8Array[],
    bytes: number,
    descriptors: readonly number[],
    done: (error?: unknown) => void,
  ): void {
    const message = { parts: gathered(parts, MOST_PARTS), bytes, descriptors, to: undefined };
    this.waits.enter(SEND, this.#start(message), undefined, () => done(), done);
  }

  /**
   * Sends a message, without blocking the event loop. Messages that wait go first come, first served.
   *
   * The descriptors are borrowed until this returns its promise; a message that waits holds duplicates of its own. The
   * data must not change until the promise is settled. When the signal aborts a message of a stream in the middle, the
   * stream is torn: every later send says so.
   *
   * @returns a promise of the number of bytes, fulfilled when the kernel has taken all of them
   * @throws what {@link sendMessage} throws, as a rejection, but for the time; the signal's reason when it aborts
   */
  sendMessageAsync(
    data: MessageData,
    sources?: readonly DescriptorSource[],
    options?: SendMessageOptions & AsyncOptions,
  ): Promise<number> {
    try {
      const message = this.#outgoing(data, sources, options);
      const signal = checkSignal(options);
      const sending = this.#start(message);
      if (!message.to) return this.waits.soon(SEND, sending, signal);
      return this.#sendDatagram(sending, message.to.name, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives a message.
   *
   * The caller owns its data and its descriptors, which are close-on-exec. Blocks until one is there, whatever the
   * socket's own flags say.
   *
   * @returns the message, or null at the end. On SEQPACKET, empty messages that are the last before the end count as the
   *   end, from which the kernel does not tell them
   * @throws TypeError, RangeError for bad arguments
   * @throws {@link SyscallError} `ETIMEDOUT`; `EBADF` after destroy or detach
   * @see https://man7.org/linux/man-pages/man2/recvmsg.2.html
   */
  recvMessage(options?: ReceiveMessageOptions & BlockingOptions): Message | null {
    const wanted = checkWanted(options, this.#everything);
    const timeout = checkTimeout(options);
    this.requireOpen('recvmsg');
    const message = this.#receiving.receive(this.waits.firstFlags(timeout), wanted);
    return message === undefined ? this.#recvLater(wanted, timeout) : message;
  }

  /**
   * Receives a message if one is there. The caller owns its data and its descriptors. Never blocks.
   *
   * @returns the message, null at the end, undefined when nothing is there
   * @throws what {@link recvMessage} throws
   */
  tryRecvMessage(options?: ReceiveMessageOptions): Message | null | undefined {
    const wanted = checkWanted(options, this.#everything);
    this.requireOpen('recvmsg');
    return this.#receiving.receive(this.libc.abi.MSG_DONTWAIT, wanted);
  }

  /**
   * Receives a message, without blocking the event loop. Receives that wait go first come, first served. A wait that was
   * aborted has taken nothing.
   *
   * @returns a promise of the message, or of null at the end
   * @throws what {@link recvMessage} throws, as a rejection, but for the time; the signal's reason when it aborts
   */
  recvMessageAsync(options?: ReceiveMessageOptions & AsyncOptions): Promise<Message | null> {
    try {
      const wanted = checkWanted(options, this.#everything);
      const signal = checkSignal(options);
      this.requireOpen('recvmsg');
      const attempt = (flags: number): Message | null | undefined => this.#receiving.receive(flags, wanted);
      return this.waits.soon(RECEIVE, { attempt }, signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Receives a message each time that the event loop sees one, without a promise for each.
   *
   * @param wanted what a message has at most, and where its data goes: memory that the next message overwrites
   * @param onMessage gets what {@link recvMessage} returns, in the middle of the loop's work: it must not throw
   * @param onFail gets what {@link recvMessage} throws, and nothing comes after that
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   * @internal
   */
  onMessages(
    wanted: Wanted,
    onMessage: (message: Message | null) => void,
    onFail: (error: unknown) => void,
  ): MessageWatch {
    this.requireOpen('recvmsg');
    const attempt = (flags: number): undefined => {
      const message = this.#receiving.receive(flags, wanted);
      if (message !== undefined) onMessage(message);
    };
    // The wait of an attempt without a result goes on.
    const wait = this.waits.enter(RECEIVE, { attempt }, undefined, onFail, onFail);
    return { look: () => void wait.serve(this.libc.abi.MSG_DONTWAIT), end: () => wait.end() };
  }

  /**
   * Receives until the end. The loop's body owns each message. Receives only when asked for the next one, so leaving the
   * loop takes nothing along, and the socket stays open.
   *
   * @throws what {@link recvMessageAsync} throws
   */
  async *messages(options?: ReceiveMessageOptions & AsyncOptions): AsyncGenerator<Message, void, undefined> {
    for (;;) {
      const message = await this.recvMessageAsync(options);
      if (message === null) return;
      yield message;
    }
  }

  /** The same as {@link messages} without options. */
  [Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    return this.messages();
  }

  /**
   * Ends a direction of the connection, or both. Whoever is blocked or waits wakes, receives what was sent before, and
   * then the end.
   *
   * The socket stays open and owned by this object. Does not block. May be called while another thread is inside a call
   * on the same socket. A second time, it does nothing.
   *
   * @param how `'write'` lets the peer receive the end, and this side go on receiving
   * @throws TypeError for another word; {@link SyscallError} `EBADF` after destroy or detach
   * @see https://man7.org/linux/man-pages/man2/shutdown.2.html
   */
  shutdown(how: 'read' | 'write' | 'both' = 'both'): void {
    const { SHUT_RD, SHUT_WR, SHUT_RDWR } = this.libc.abi;
    const number = { read: SHUT_RD, write: SHUT_WR, both: SHUT_RDWR }[
      checkWord('how', how, ['read', 'write', 'both'])
    ];
    shutdown(this.libc, this.requireOpen('shutdown'), number);
    // Of a full socket that may send no more, no poll says so.
    this.waits.serveSoon('out');
  }

  /**
   * Who was at the other end when the connection, or the pair, was made. Does not block.
   *
   * @returns the process (where the system tells), and the effective user and group
   * @throws {@link SyscallError} `ENOTCONN` for a socket without a peer; `EBADF` after destroy or detach
   * @see https://man7.org/linux/man-pages/man7/unix.7.html, SO_PEERCRED
   */
  peerCredentials(): PeerCredentials {
    return peerCredentials(this.libc, this.requireOpen('getsockopt'));
  }

  /**
   * A descriptor of the peer's process, which stays that process's although its number is used again (Linux 6.5).
   *
   * The descriptor is new, close-on-exec, and owned by the caller. Does not block.
   *
   * @throws {@link UnsupportedPlatformError} where the kernel has no SO_PEERPIDFD
   * @throws {@link SyscallError} `ESRCH` when the process is gone; `ENODATA`; `EBADF` after destroy or detach
   */
  peerPidFD(): number {
    const fd = this.requireOpen('getsockopt');
    return this.#option('peerPidFD', 'Linux 6.5 (SO_PEERPIDFD)', this.libc.abi.SO_PEERPIDFD, (option) =>
      getsockopt(this.libc, fd, this.libc.abi.SOL_SOCKET, option),
    );
  }

  /**
   * Takes no descriptors any more: when the peer sends some, its send fails with `EPERM` (Linux 6.16). Does not block.
   *
   * @throws {@link UnsupportedPlatformError} where the kernel has no SO_PASSRIGHTS
   * @throws {@link SyscallError} `EBADF` after destroy or detach
   */
  refuseDescriptors(): void {
    const fd = this.requireOpen('setsockopt');
    this.#option('refuseDescriptors', 'Linux 6.16 (SO_PASSRIGHTS)', this.libc.abi.SO_PASSRIGHTS, (option) =>
      setsockopt(this.libc, fd, this.libc.abi.SOL_SOCKET, option, 0),
    );
  }

  /**
   * The ECONNRESET of a peer that closed without having received everything; undefined as long as no receive has met it.
   *
   * @internal
   */
  get reset(): SyscallError | undefined {
    return this.#sender.transfer.reset;
  }

  override destroy(): void {
    const bound = this.#bound;
    this.#bound = undefined;
    if (bound && this.fd >= 0) unlinkName(bound);
    super.destroy();
  }

  #option<T>(name: string, needs: string, option: number, call: (option: number) => T): T {
    const missing = new UnsupportedPlatformError(`${name} needs ${needs}`);
    if (option === 0) throw missing;
    try {
      return call(option);
    } catch (error) {
      if (error instanceof SyscallError && error.code === 'ENOPROTOOPT') throw missing;
      throw error;
    }
  }

  /** What is to be sent, checked. */
  #outgoing(
    data: MessageData,
    sources: readonly DescriptorSource[] | undefined,
    options: SendMessageOptions | undefined,
  ): OutgoingMessage {
    const parts = checkData(data, MOST_PARTS);
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    const { mostDescriptors } = this.libc.abi;
    const descriptors = sources === undefined ? [] : descriptorsOf(sources, mostDescriptors);
    if (this.type === 'stream' && bytes === 0 && descriptors.length > 0) {
      throw invalidArgValue(
        'data',
        'at least one byte, as a stream drops descriptors that come without',
        data,
      );
    }
    const to = options === undefined ? undefined : checkObject(options).to;
    return { parts, bytes, descriptors, to: to === undefined ? undefined : this.#addressOf(to) };
  }

  #addressOf(to: string): SocketAddress {
    if (this.type !== 'dgram') {
      throw invalidArgValue(
        'options.to',
        `no address for a socket of type ${this.type}, which has a peer`,
        to,
      );
    }
    return new SocketAddress(this.libc, absolute(this.libc, to), 'sendmsg');
  }

  /** Sends by one call what it takes, and returns the number of bytes; undefined where it would block. */
  #sendOnce(message: OutgoingMessage, flags: number): number | undefined {
    this.requireOpen('sendmsg');
    if (!this.waits.clear('out', flags)) return undefined;
    return sendOnce(this.#sender, message, message.descriptors, 0, flags);
  }

  /** Blocks until the rest of a message is sent, of which the first call took `sent` bytes; undefined for none. */
  #sendRest(
    message: OutgoingMessage,
    sent: number | undefined,
    flags: number,
    timeout: number | undefined,
  ): number {
    const sending = new Sending(this.#sender, message, sent);
    try {
      const all = sent === undefined ? undefined : sending.attempt(flags);
      return all ?? this.waits.block(SEND, sending, timeout);
    } finally {
      sending.release();
    }
  }

  #start(message: OutgoingMessage): Sending {
    this.requireOpen('sendmsg');
    return new Sending(this.#sender, message);
  }

  // A full receiver of a datagram is nothing that a poll of this socket reports.
  #sendDatagramBlocking(message: OutgoingMessage, address: string, timeout: number | undefined): number {
    const attempt = (): number | undefined => this.#sendOnce(message, this.libc.abi.MSG_DONTWAIT);
    return retryBlocking(this.libc, attempt, timeout, () => {
      const detail = `(the receiver was full for ${timeout} ms)`;
      return this.libc.refusal('ETIMEDOUT', 'sendmsg', { address, detail });
    });
  }

  async #sendDatagram(sending: Sending, receiver: string, signal: AbortSignal | undefined): Promise<number> {
    const attempt = (): number | undefined => {
      this.requireOpen('sendmsg');
      return sending.attempt(this.libc.abi.MSG_DONTWAIT);
    };
    const sent = this.#retries?.has(receiver) ? undefined : attempt();
    if (sent !== undefined) {
      await spend();
      return sent;
    }
    sending.hold();
    try {
      this.#retries ??= new RetryQueue();
      return await this.#retries.add(receiver, attempt, signal);
    } finally {
      sending.release();
    }
  }

  #recvLater(wanted: Wanted, timeout: number | undefined): Message | null {
    const attempt = (flags: number): Message | null | undefined => this.#receiving.receive(flags, wanted);
    return this.waits.block(RECEIVE, { attempt }, timeout);
  }
}

/**
 * A socket that may be taken, and its type.
 *
 * @throws what the constructor throws
 */
function checked(c: Libc, sockfd: number): { fd: number; type: SocketType } {
  checkDescriptor('sockfd', sockfd);
  const type = socketType(c, sockfd);
  if (type === 'dgram' || (type && isConnected(c, sockfd))) return { fd: sockfd, type };
  const got = type
    ? `an unconnected one of type ${type.toUpperCase()}`
    : 'a socket of another family or type';
  throw invalidArgType('sockfd', 'an AF_UNIX socket, connected or of type DGRAM', sockfd, got);
}
