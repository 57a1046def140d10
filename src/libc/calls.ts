import type { Abi, Framing, Layout } from '../abi/abi.ts';
import { SyscallError } from '../errors.ts';
import { type Binding, loadBinding } from './binding.ts';

/** What {@link Libc.sendmsg} and {@link Libc.recvmsg} answer where a blocking socket would wait. */
export const WOULD_BLOCK = -1;

/** What kind of socket a descriptor is. */
export type SocketType = Framing | 'dgram';

const SCRATCH_BYTES = 128;

/**
 * libc with checked results: each call retries EINTR (but close, which has released the number by then) and
 * throws {@link SyscallError}. One instance belongs to one thread.
 */
export class Libc {
  readonly abi: Abi;
  readonly layout: Layout;
  readonly #c: Binding;
  readonly #sendFlags: number;
  readonly #receiveFlags: number;
  readonly #EAGAIN: number;
  readonly #EINTR: number;
  // Memory for the out-parameters of one call, which nothing uses across calls. It is referenced for as long
  // as the address is.
  readonly #scratch: ArrayBuffer = new ArrayBuffer(SCRATCH_BYTES);
  readonly #scratchAddress: number;
  readonly #words: Int32Array = new Int32Array(this.#scratch);
  #withoutIovec: boolean | undefined;

  constructor(binding: Binding) {
    this.#c = binding;
    this.abi = binding.abi;
    this.layout = binding.layout;
    this.#sendFlags = binding.abi.MSG_NOSIGNAL;
    this.#receiveFlags = binding.abi.MSG_CMSG_CLOEXEC;
    this.#EAGAIN = binding.errnos['EAGAIN'] as number;
    this.#EINTR = binding.errnos['EINTR'] as number;
    this.#scratchAddress = binding.address(this.#scratch);
  }

  /** Two connected `AF_UNIX` sockets, blocking and close-on-exec, owned by the caller. */
  socketpair(type: SocketType): [number, number] {
    const { abi } = this;
    const kind = { seqpacket: abi.SOCK_SEQPACKET, stream: abi.SOCK_STREAM, dgram: abi.SOCK_DGRAM }[type];
    this.#check('socketpair', () =>
      this.#c.socketpair(abi.AF_UNIX, kind | abi.SOCK_CLOEXEC, 0, this.#scratchAddress),
    );
    const pair: [number, number] = [this.#words[0] as number, this.#words[1] as number];
    if (abi.SOCK_CLOEXEC === 0) for (const fd of pair) this.setCloseOnExec(fd);
    return pair;
  }

  /**
   * Sends one message; the flags gain MSG_NOSIGNAL.
   *
   * @returns the bytes of data sent, or {@link WOULD_BLOCK}
   */
  sendmsg(sockfd: number, msg: number, flags: number): number {
    const all = flags | this.#sendFlags;
    for (;;) {
      const sent = this.#c.sendmsg(sockfd, msg, all);
      if (sent >= 0) return sent;
      if (this.#wouldBlock('sendmsg')) return WOULD_BLOCK;
    }
  }

  /**
   * Receives one message; the flags gain MSG_CMSG_CLOEXEC where the kernel has it.
   *
   * @returns the bytes of data received, or {@link WOULD_BLOCK}
   */
  recvmsg(sockfd: number, msg: number, flags: number): number {
    const all = flags | this.#receiveFlags;
    for (;;) {
      const received = this.#c.recvmsg(sockfd, msg, all);
      if (received >= 0) return received;
      if (this.#wouldBlock('recvmsg')) return WOULD_BLOCK;
    }
  }

  /**
   * Whether a message may come without an iovec, which spares some 80 ns for each. A kernel says EBADF of a bad
   * descriptor; qemu-user's recvmsg(2) answers 0 to a call without an iovec, having looked at nothing.
   */
  get receivesWithoutIovec(): boolean {
    if (this.#withoutIovec === undefined) {
      // Room for a msghdr on every platform.
      this.#words.fill(0);
      this.#withoutIovec = this.#c.recvmsg(-1, this.#scratchAddress, 0) < 0;
    }
    return this.#withoutIovec;
  }

  /** Ends both directions. A socket whose peer is gone is shut down already. */
  shutdown(sockfd: number): void {
    while (this.#c.shutdown(sockfd, this.abi.SHUT_RDWR) < 0) {
      const errno = this.#c.errno();
      // macOS and the BSDs say so of a socket whose peer has closed.
      if (errno === this.#c.errnos['ENOTCONN']) return;
      if (errno !== this.#EINTR) throw this.#error(errno, 'shutdown');
    }
  }

  /** Releases a descriptor. */
  close(fd: number): void {
    if (this.#c.close(fd) >= 0) return;
    const errno = this.#c.errno();
    // The kernels release the number before they can be interrupted; a second close could hit a stranger.
    if (errno !== this.#EINTR) throw this.#error(errno, 'close');
  }

  /** Releases a descriptor that the caller of the library has never seen: nobody could be told of an error. */
  discard(fd: number): void {
    this.#c.close(fd);
  }

  /**
   * Waits until an event is there.
   *
   * @param timeout milliseconds; negative waits for ever
   * @returns the events seen, 0 when the time is over
   */
  poll(fd: number, events: number, timeout: number): number {
    const { pollfd } = this.layout;
    const view = new DataView(this.#scratch);
    const deadline = performance.now() + timeout;
    for (
      let left = timeout;
      ;
      left = timeout < 0 ? timeout : Math.max(0, Math.ceil(deadline - performance.now()))
    ) {
      view.setInt32(pollfd.offset.fd, fd, true);
      view.setInt16(pollfd.offset.events, events, true);
      view.setInt16(pollfd.offset.revents, 0, true);
      if (this.#c.poll(this.#scratchAddress, 1, left) >= 0) return view.getInt16(pollfd.offset.revents, true);
      const errno = this.#c.errno();
      if (errno !== this.#EINTR) throw this.#error(errno, 'poll');
    }
  }

  /**
   * What kind of `AF_UNIX` socket a descriptor is.
   *
   * @returns the type, or undefined for a socket of another family or type
   */
  unixSocketType(fd: number): SocketType | undefined {
    const { abi, layout } = this;
    // The value lies at the beginning, its length behind the room that any sockaddr may take.
    const length = SCRATCH_BYTES - 8;
    const lengthAddress = this.#scratchAddress + length;
    this.#words[length / 4] = 4;
    this.#check('getsockopt', () =>
      this.#c.getsockopt(fd, abi.SOL_SOCKET, abi.SO_TYPE, this.#scratchAddress, lengthAddress),
    );
    const type = this.#words[0];
    this.#words[length / 4] = length;
    this.#check('getsockname', () => this.#c.getsockname(fd, this.#scratchAddress, lengthAddress));
    // One byte holds every family: it is all of the BSDs' sa_family_t, and the low half of Linux's.
    const family = new Uint8Array(this.#scratch)[layout.sockaddr.offset.sa_family];
    if (family !== abi.AF_UNIX) return undefined;
    if (type === abi.SOCK_SEQPACKET) return 'seqpacket';
    if (type === abi.SOCK_STREAM) return 'stream';
    return type === abi.SOCK_DGRAM ? 'dgram' : undefined;
  }

  /** A close-on-exec duplicate, owned by the caller. */
  duplicate(fd: number): number {
    return this.#check('fcntl', () => this.#c.fcntl(fd, this.abi.F_DUPFD_CLOEXEC, 0));
  }

  /** Makes an open number refer to what `fd` refers to, close-on-exec; what it referred to before is closed. */
  redirect(number: number, fd: number): void {
    const { dup3 } = this.#c;
    if (dup3) {
      this.#check('dup3', () => dup3(fd, number, this.abi.O_CLOEXEC));
    } else {
      this.#check('dup2', () => this.#c.dup2(fd, number));
      this.setCloseOnExec(number);
    }
  }

  /**
   * A number for something else to be put behind by {@link redirect}: until then a socket that nobody else has.
   * Close-on-exec, owned by the caller.
   */
  placeholder(): number {
    const [number, other] = this.socketpair('stream');
    this.discard(other);
    return number;
  }

  /** A new epoll(7) instance, close-on-exec, owned by the caller. Only where the ABI has `epoll_event`. */
  epollCreate(): number {
    const { epoll_create1 } = this.#c as Required<Binding>;
    return this.#check('epoll_create1', () => epoll_create1(this.abi.O_CLOEXEC));
  }

  /**
   * Changes what an epoll(7) instance looks for.
   *
   * @param op one of EPOLL_CTL_*
   * @param event the address of an `epoll_event`
   */
  epollControl(epfd: number, op: number, fd: number, event: number): void {
    const { epoll_ctl } = this.#c as Required<Binding>;
    this.#check('epoll_ctl', () => epoll_ctl(epfd, op, fd, event));
  }

  /**
   * Asks an epoll(7) instance what is ready, without waiting.
   *
   * @param events the address of `most` times an `epoll_event`
   * @returns how many of them were written
   */
  epollReady(epfd: number, events: number, most: number): number {
    const { epoll_wait } = this.#c as Required<Binding>;
    return this.#check('epoll_wait', () => epoll_wait(epfd, events, most, 0));
  }

  /**
   * Asks for an array of descriptors which of them are ready, without waiting.
   *
   * @param fds the address of `count` times a `pollfd`
   * @returns how many of them have events
   */
  pollReady(fds: number, count: number): number {
    return this.#check('poll', () => this.#c.poll(fds, count, 0));
  }

  /** Closes a descriptor at exec, where the kernel could not do so from the beginning. */
  setCloseOnExec(fd: number): void {
    const flags = this.#check('fcntl', () => this.#c.fcntl(fd, this.abi.F_GETFD, 0));
    this.#check('fcntl', () => this.#c.fcntl(fd, this.abi.F_SETFD, flags | this.abi.FD_CLOEXEC));
  }

  /** Where a buffer lies; good for as long as the buffer is referenced. */
  address(buffer: ArrayBuffer | ArrayBufferView): number {
    return this.#c.address(buffer);
  }

  /** The error that the kernel would have given, for a call that is refused without asking it. */
  refusal(code: 'EAGAIN' | 'EBADF' | 'ETIMEDOUT', syscall: string): SyscallError {
    return this.#error(this.#c.errnos[code] as number, syscall);
  }

  #check(syscall: string, call: () => number): number {
    for (;;) {
      const result = call();
      if (result >= 0) return result;
      const errno = this.#c.errno();
      if (errno !== this.#EINTR) throw this.#error(errno, syscall);
    }
  }

  /** True for EAGAIN, false for EINTR; anything else is thrown. */
  #wouldBlock(syscall: string): boolean {
    const errno = this.#c.errno();
    if (errno === this.#EAGAIN) return true;
    if (errno === this.#EINTR) return false;
    throw this.#error(errno, syscall);
  }

  #error(errno: number, syscall: string): SyscallError {
    const { errnos } = this.#c;
    const name = Object.keys(errnos).find((key) => errnos[key] === errno);
    return new SyscallError(errno, syscall, name === undefined ? undefined : [name, this.#c.strerror(errno)]);
  }
}

let ofThisThread: Libc | undefined;

/**
 * libc for this thread, loaded at the first call.
 *
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
 */
export function libc(): Libc {
  ofThisThread ??= new Libc(loadBinding());
  return ofThisThread;
}
