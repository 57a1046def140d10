import type { Abi, Layout } from '../abi/abi.ts';
import { SyscallError } from '../errors.ts';
import { type Binding, loadBinding } from './binding.ts';
import { Memory } from './memory.ts';

/** What {@link Libc.sendmsg} and {@link Libc.recvmsg} answer where a blocking socket would wait. */
export const WOULD_BLOCK = -1;

const SCRATCH_BYTES = 128;

/**
 * libc with checked results: each call retries EINTR (but close, which has released the number by then) and
 * throws {@link SyscallError}. One instance belongs to one thread.
 *
 * The methods are what is asked for each message; `sockets.ts` and its neighbours have the rest, as functions over
 * {@link Libc.check}.
 */
export class Libc {
  readonly abi: Abi;
  readonly layout: Layout;
  /** The calls as they are, unchecked. */
  readonly raw: Binding;
  /** Room for the out-parameters of one call, which nothing uses across calls. */
  readonly scratch: Memory;
  readonly #sendFlags: number;
  readonly #receiveFlags: number;
  readonly #EAGAIN: number;
  readonly #EINTR: number;
  #withoutIovec: boolean | undefined;

  constructor(binding: Binding) {
    this.raw = binding;
    this.abi = binding.abi;
    this.layout = binding.layout;
    this.scratch = new Memory(binding, SCRATCH_BYTES);
    this.#sendFlags = binding.abi.MSG_NOSIGNAL;
    this.#receiveFlags = binding.abi.MSG_CMSG_CLOEXEC;
    this.#EAGAIN = binding.errnos['EAGAIN'] as number;
    this.#EINTR = binding.errnos['EINTR'] as number;
  }

  /**
   * Sends one message; the flags gain MSG_NOSIGNAL.
   *
   * @returns the bytes of data sent, or {@link WOULD_BLOCK}
   */
  sendmsg(sockfd: number, msg: number, flags: number): number {
    const all = flags | this.#sendFlags;
    for (;;) {
      const sent = this.raw.sendmsg(sockfd, msg, all);
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
      const received = this.raw.recvmsg(sockfd, msg, all);
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
      // The scratch memory has room for a msghdr on every platform.
      this.scratch.words.fill(0);
      this.#withoutIovec = this.raw.recvmsg(-1, this.scratch.address, 0) < 0;
    }
    return this.#withoutIovec;
  }

  /** Releases a descriptor. */
  close(fd: number): void {
    if (this.raw.close(fd) >= 0) return;
    const errno = this.raw.errno();
    // The kernels release the number before they can be interrupted; a second close could hit a stranger.
    if (errno !== this.#EINTR) throw this.error(errno, 'close');
  }

  /** Releases a descriptor that the caller of the library has never seen: nobody could be told of an error. */
  discard(fd: number): void {
    this.raw.close(fd);
  }

  /**
   * Waits until an event is there.
   *
   * @param timeout milliseconds; negative waits without limit
   * @returns the events seen, 0 when the time is over
   */
  poll(fd: number, events: number, timeout: number): number {
    const { address, words } = this.scratch;
    const { offset } = this.layout.pollfd;
    const deadline = timeout > 0 ? performance.now() + timeout : 0;
    let left = timeout;
    for (;;) {
      words[offset.fd / 4] = fd;
      // `revents` is the high half of the same word.
      words[offset.events / 4] = events;
      if (this.raw.poll(address, 1, left) >= 0) return (words[offset.events / 4] as number) >>> 16;
      const errno = this.raw.errno();
      if (errno !== this.#EINTR) throw this.error(errno, 'poll');
      if (timeout > 0) left = Math.max(0, Math.ceil(deadline - performance.now()));
    }
  }

  /** A close-on-exec duplicate, owned by the caller. */
  duplicate(fd: number): number {
    return this.check('fcntl', () => this.raw.fcntl(fd, this.abi.F_DUPFD_CLOEXEC, 0));
  }

  /** Closes a descriptor at exec, where the kernel could not do so from the beginning. */
  setCloseOnExec(fd: number): void {
    const flags = this.check('fcntl', () => this.raw.fcntl(fd, this.abi.F_GETFD, 0));
    this.check('fcntl', () => this.raw.fcntl(fd, this.abi.F_SETFD, flags | this.abi.FD_CLOEXEC));
  }

  /**
   * The result of a call, which is made again after EINTR.
   *
   * @param answer the name of an errno that is an answer, too: the result is then -1
   * @throws {@link SyscallError} for any other error
   */
  check(syscall: string, call: () => number, answer?: string): number {
    for (;;) {
      const result = call();
      if (result >= 0) return result;
      const errno = this.raw.errno();
      if (answer !== undefined && errno === this.raw.errnos[answer]) return -1;
      if (errno !== this.#EINTR) throw this.error(errno, syscall);
    }
  }

  /**
   * The error that the kernel would have given, for a call that is refused without asking it.
   *
   * @param detail what else the message says
   */
  refusal(code: 'EAGAIN' | 'EBADF' | 'ETIMEDOUT', syscall: string, detail?: string): SyscallError {
    return this.error(this.raw.errnos[code] as number, syscall, detail);
  }

  error(errno: number, syscall: string, detail?: string): SyscallError {
    const { errnos } = this.raw;
    const name = Object.keys(errnos).find((key) => errnos[key] === errno);
    const fallback = name === undefined ? undefined : ([name, this.raw.strerror(errno)] as const);
    return new SyscallError(errno, syscall, { fallback, detail });
  }

  /** True for EAGAIN, false for EINTR; anything else is thrown. */
  #wouldBlock(syscall: string): boolean {
    const errno = this.raw.errno();
    if (errno === this.#EAGAIN) return true;
    if (errno === this.#EINTR) return false;
    throw this.error(errno, syscall);
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
