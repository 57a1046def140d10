import { createRequire } from 'node:module';
import type Koffi from 'koffi';

// Linux's constants, the same on every processor that koffi serves.
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const CMSG_LEN_1 = 20;
const MSG_CTRUNC = 0x08;

type Call = (...numbers: number[]) => number;

function load() {
  if (process.platform !== 'linux' || !['x64', 'arm64', 'riscv64', 'loong64'].includes(process.arch)) {
    throw new Error(`written for 64-bit Linux, not for ${process.platform} on ${process.arch}`);
  }
  const koffi: typeof Koffi = createRequire(import.meta.url)('koffi');
  const libc = koffi.load(null);
  return {
    address: (buffer: ArrayBuffer): number => Number(koffi.address(buffer)),
    errno: koffi.errno,
    EAGAIN: koffi.os.errno['EAGAIN'] as number,
    EINTR: koffi.os.errno['EINTR'] as number,
    socketpair: libc.func('int socketpair(int domain, int type, int protocol, uintptr_t sv)') as Call,
    sendmsg: libc.func('intptr_t sendmsg(int sockfd, uintptr_t msg, int flags)') as Call,
    recvmsg: libc.func('intptr_t recvmsg(int sockfd, uintptr_t msg, int flags)') as Call,
    close: libc.func('int close(int fd)') as Call,
    /** A function of libc that does nothing and enters no kernel: what is left is the call itself. */
    abs: libc.func('int abs(int n)') as Call,
    poll: koffi.node.poll,
    dup3: libc.func('int dup3(int oldfd, int newfd, int flags)') as Call,
    epoll_create1: libc.func('int epoll_create1(int flags)') as Call,
    epoll_ctl: libc.func('int epoll_ctl(int epfd, int op, int fd, uintptr_t event)') as Call,
    epoll_wait: libc.func('int epoll_wait(int epfd, uintptr_t events, int maxevents, int timeout)') as Call,
  };
}

type Calls = ReturnType<typeof load>;
let loaded: Calls | undefined;

/** libc by koffi's fast path. @throws Error on a system whose layouts are not written down here */
export function calls(): Calls {
  loaded ??= load();
  return loaded;
}

/** Two connected, close-on-exec sockets. */
export function socketpair(type: number = SOCK_SEQPACKET): [number, number] {
  const { socketpair, address, errno } = calls();
  const pair = new Int32Array(2);
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, address(pair.buffer)) < 0) {
    throw new Error(`socketpair: errno ${errno()}`);
  }
  return [pair[0] as number, pair[1] as number];
}

// A message in one buffer: a 64-bit msghdr without data, and its control buffer.
const MSG_CONTROL = 32;
const MSG_CONTROLLEN = 40;
const MSG_FLAGS = 48;
const CONTROL = 56;
const BYTES = CONTROL + 24;

class MessageBuffer {
  readonly address: number;
  /** What is written and read for each message, as 32-bit words; referenced for as long as the address is. */
  readonly words: Int32Array;

  constructor() {
    const bytes = new ArrayBuffer(BYTES);
    const view = new DataView(bytes);
    this.address = calls().address(bytes);
    this.words = new Int32Array(bytes);
    view.setBigUint64(MSG_CONTROL, BigInt(this.address + CONTROL), true);
    view.setInt32(MSG_CONTROLLEN, CMSG_LEN_1, true);
    view.setInt32(CONTROL, CMSG_LEN_1, true);
    view.setInt32(CONTROL + 8, SOL_SOCKET, true);
    view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
  }
}

const WORD = {
  controllen: MSG_CONTROLLEN / 4,
  flags: MSG_FLAGS / 4,
  cmsg_len: CONTROL / 4,
  cmsg_level: CONTROL / 4 + 2,
  cmsg_type: CONTROL / 4 + 3,
  descriptor: CONTROL / 4 + 4,
} as const;

/** What a receive answers at the end of the channel. */
export const END = -2;

/**
 * One end of a SEQPACKET channel as a program would write it that calls koffi itself: the same system calls and
 * flags, the same checks of what came back, on buffers that are built once.
 */
export class BareEndpoint {
  /** The socket; another may be put in its place, for one who talks to many. */
  fd: number;
  readonly #c: Calls = calls();
  readonly #outgoing: MessageBuffer = new MessageBuffer();
  readonly #incoming: MessageBuffer = new MessageBuffer();

  constructor(fd: number) {
    this.fd = fd;
  }

  send(fd: number): void {
    this.#outgoing.words[WORD.descriptor] = fd;
    while (this.#c.sendmsg(this.fd, this.#outgoing.address, MSG_NOSIGNAL) < 0) this.#mustBe(this.#c.EINTR);
  }

  /** A descriptor, or {@link END}. */
  receive(): number {
    for (;;) {
      const fd = this.#recvmsg(MSG_CMSG_CLOEXEC);
      if (fd !== -1) return fd;
      this.#mustBe(this.#c.EINTR);
    }
  }

  /** A descriptor, or -1 where it would block. */
  tryReceive(): number {
    const fd = this.#recvmsg(MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (fd === -1) this.#mustBe(this.#c.EAGAIN);
    return fd;
  }

  close(): void {
    close(this.fd);
  }

  #recvmsg(flags: number): number {
    const { words, address } = this.#incoming;
    words[WORD.controllen] = CMSG_LEN_1;
    if (this.#c.recvmsg(this.fd, address, flags) < 0) return -1;
    if (
      words[WORD.controllen] !== CMSG_LEN_1 ||
      words[WORD.cmsg_len] !== CMSG_LEN_1 ||
      words[WORD.cmsg_level] !== SOL_SOCKET ||
      words[WORD.cmsg_type] !== SCM_RIGHTS ||
      ((words[WORD.flags] as number) & MSG_CTRUNC) !== 0
    ) {
      if (words[WORD.controllen] === 0 && words[WORD.flags] === MSG_CMSG_CLOEXEC) return END;
      throw new Error('recvmsg: not one descriptor');
    }
    return words[WORD.descriptor] as number;
  }

  #mustBe(expected: number): void {
    const errno = this.#c.errno();
    if (errno !== expected) throw new Error(`errno ${errno}`);
  }
}

export function close(fd: number): void {
  if (calls().close(fd) < 0) throw new Error(`close: errno ${calls().errno()}`);
}
