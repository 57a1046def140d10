import type { Abi, Layout } from '../abi/abi.ts';
import { SyscallError, type SyscallErrorOptions } from '../errors.ts';
import { type Binding, loadBinding } from './binding.ts';
import { Memory, SharedMemory } from './memory.ts';

/** What {@link Libc.sendmsg} and {@link Libc.recvmsg} answer where a blocking socket would wait. */
export const WOULD_BLOCK = -1;

/** For the 64 descriptors that one poll(2) looks at before they are sent together. */
const SCRATCH_BYTES = 512;

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
  /** Memory for small things that are made often. */
  readonly shared: SharedMemory;
  readonly #sendFlags: number;
  readonly #receiveFlags: number;
  readonly #EAGAIN: number;
  readonly #EINTR: number;
  readonly #ENOENT: number;
  #withoutIovec: boolean | undefined;
  #withoutRanges = false;

  constructor(binding: Binding) {
    this.raw = binding;
    this.abi = binding.abi;
    this.layout = binding.layout;
    this.scratch = new Memory(binding, new ArrayBuffer(SCRATCH_BYTES));
    this.shared = new SharedMemory(binding);
    this.#sendFlags = binding.abi.MSG_NOSIGNAL;
    this.#receiveFlags = binding.abi.MSG_CMSG_CLOEXEC;
    this.#EAGAIN = binding.errnos['EAGAIN'] as number;
    this.#EINTR = binding.errnos['EINTR'] as number;
    this.#ENOENT = binding.errnos['ENOENT'] as number;
  }

  /**
   * Sends one message; the flags gain MSG_NOSIGNAL.
   *
   * @returns the bytes of data sent, or {@link WOULD_BLOCK}
   */
  sendmsg(sockfd: number, msg: number, flags: number): number {
    const all = flags | this.#sendFlags;
    for (let again = false; ; again = true) {
      const sent = this.raw.sendmsg(sockfd, msg, all);
      if (sent >= 0) return sent;
      if (this.#wouldBlock('sendmsg', again)) return WOULD_BLOCK;
    }
  }

  /**
   * Sends data alone, as {@link sendmsg} does, whose name its errors carry: without a header to read, the kernel takes some
   * 170 ns less.
   *
   * @param buf the address of `len` bytes
   * @returns the bytes sent, or {@link WOULD_BLOCK}
   */
  send(sockfd: number, buf: number, len: number, flags: number): number {
    const all = flags | this.#sendFlags;
    for (let again = false; ; again = true) {
      const sent = this.raw.send(sockfd, buf, len, all);
      if (sent >= 0) return sent;
      if (this.#wouldBlock('sendmsg', again)) return WOULD_BLOCK;
    }
  }

  /**
   * Receives one message; the flags gain MSG_CMSG_CLOEXEC where the kernel has it.
   *
   * @returns the bytes of data received, or {@link WOULD_BLOCK}
   */
  recvmsg(sockfd: number, msg: number, flags: number): number {
    const all = flags | this.#receiveFlags;
    for (let again = false; ; again = true) {
      const received = this.raw.recvmsg(sockfd, msg, all);
      if (received >= 0) return received;
      if (this.#wouldBlock('recvmsg', again)) return WOULD_BLOCK;
    }
  }

  /**
   * Sends several messages by one call; the flags gain MSG_NOSIGNAL. Only where the ABI has `mmsghdr`.
   *
   * @param msgvec the address of `count` of them
   * @returns how many were sent, at least one, or {@link WOULD_BLOCK}; an error behind the first comes with the next call
   */
  sendmmsg(sockfd: number, msgvec: number, count: number, flags: number): number {
    const { sendmmsg } = this.raw as Required<Binding>;
    const all = flags | this.#sendFlags;
    for (let again = false; ; again = true) {
      const sent = sendmmsg(sockfd, msgvec, count, all);
      if (sent >= 0) return sent;
      if (this.#wouldBlock('sendmmsg', again)) return WOULD_BLOCK;
    }
  }

  /**
   * Receives what is there, and waits for the first message only; the flags gain MSG_WAITFORONE, and
   * MSG_CMSG_CLOEXEC where the kernel has it. Only where the ABI has `mmsghdr`.
   *
   * @param msgvec the address of room for `count` of them
   * @returns how many were received, at least one, or {@link WOULD_BLOCK}; an error behind the first comes with the
   *   next call
   */
  recvmmsg(sockfd: number, msgvec: number, count: number, flags: number): number {
    const { recvmmsg } = this.raw as Required<Binding>;
    const all = flags | this.#receiveFlags | this.abi.MSG_WAITFORONE;
    for (let again = false; ; again = true) {
      const received = recvmmsg(sockfd, msgvec, count, all, 0);
      if (received >= 0) return received;
      if (this.#wouldBlock('recvmmsg', again)) return WOULD_BLOCK;
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

  /**
   * Releases descriptors, each whatever became of the others.
   *
   * @throws {@link SyscallError} the first error
   */
  closeAll(fds: readonly number[]): void {
    let failed: unknown;
    for (let i = 0; i < fds.length; ) {
      const first = fds[i] as number;
      let next = i + 1;
      while (next < fds.length && fds[next] === first + next - i) next++;
      if (next - i === 1 || !this.#closeRange(first, first + next - i - 1)) {
        for (; i < next; i++) {
          try {
            this.close(fds[i] as number);
          } catch (error) {
            failed ??= error;
          }
        }
      }
      i = next;
    }
    if (failed) throw failed;
  }

  /** Releases a run of numbers; false where the kernel has no close_range(2), or does not allow it. */
  #closeRange(first: number, last: number): boolean {
    if (this.#withoutRanges) return false;
    this.#withoutRanges = (this.raw.close_range?.(first, last, 0) ?? -1) < 0;
    return !this.#withoutRanges;
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

  /** Blocks for a while. */
  pause(ms: number): void {
    // Without descriptors, poll(2) sleeps.
    this.raw.poll(0, 0, ms);
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
   * @param told what to return for an errno that is an answer, too; and what else an error says
   * @throws {@link SyscallError} for any other error
   */
  check(
    syscall: string,
    call: () => number,
    told?: SyscallErrorOptions & { answers?: Readonly<Record<string, number>> },
  ): number {
    for (;;) {
      const result = call();
      if (result >= 0) return result;
      const errno = this.raw.errno();
      for (const name in told?.answers) {
        if (errno === this.raw.errnos[name]) return told.answers[name] as number;
      }
      if (errno !== this.#EINTR) throw this.error(errno, syscall, told);
    }
  }

  /**
   * The error that the kernel would have given, for a call that is refused without asking it.
   *
   * @param told what else the error says
   */
  refusal(
    code: 'EADDRINUSE' | 'EAGAIN' | 'EBADF' | 'EMSGSIZE' | 'ENAMETOOLONG' | 'ENOTCONN' | 'ETIMEDOUT',
    syscall: string,
    told?: SyscallErrorOptions,
  ): SyscallError {
    return this.error(this.raw.errnos[code] as number, syscall, told);
  }

  error(errno: number, syscall: string, told?: SyscallErrorOptions): SyscallError {
    const { errnos } = this.raw;
    const name = Object.keys(errnos).find((key) => errnos[key] === errno);
    const fallback = name === undefined ? undefined : ([name, this.raw.strerror(errno)] as const);
    return new SyscallError(errno, syscall, { ...told, fallback });
  }

  /** True for EAGAIN; false where the call is to be made again; anything else is thrown. */
  #wouldBlock(syscall: string, again: boolean): boolean {
    const errno = this.raw.errno();
    if (errno === this.#EAGAIN) return true;
    // Between the call and this question the engine may call libc, too. Deno has left ENOENT here, which means something
    // only to a datagram with an address: that gets it again.
    if (errno === this.#EINTR || (errno === this.#ENOENT && !again)) return false;
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
