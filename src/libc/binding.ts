import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type koffi from 'koffi';
import type { Abi, Layout } from '../abi/abi.ts';
import { abiOf, assertSupported } from '../abi/host.ts';
import { UnsupportedPlatformError } from '../errors.ts';
import { layoutOf } from './layout.ts';

type Koffi = typeof koffi;

/**
 * libc's functions as koffi calls them: numbers in, numbers out, -1 for an error that {@link errno} names.
 * Addresses are numbers of memory that {@link address} gave.
 */
export interface Binding {
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, sv: number): number;
  bind(sockfd: number, addr: number, addrlen: number): number;
  listen(sockfd: number, backlog: number): number;
  connect(sockfd: number, addr: number, addrlen: number): number;
  accept(sockfd: number, addr: number, addrlen: number): number;
  /** Missing where libc has none. */
  accept4?(sockfd: number, addr: number, addrlen: number, flags: number): number;
  send(sockfd: number, buf: number, len: number, flags: number): number;
  sendmsg(sockfd: number, msg: number, flags: number): number;
  recvmsg(sockfd: number, msg: number, flags: number): number;
  /** Missing where the kernel has none. */
  sendmmsg?(sockfd: number, msgvec: number, vlen: number, flags: number): number;
  recvmmsg?(sockfd: number, msgvec: number, vlen: number, flags: number, timeout: number): number;
  shutdown(sockfd: number, how: number): number;
  close(fd: number): number;
  /** Missing where libc has none. */
  close_range?(first: number, last: number, flags: number): number;
  poll(fds: number, nfds: number, timeout: number): number;
  getsockopt(sockfd: number, level: number, optname: number, optval: number, optlen: number): number;
  setsockopt(sockfd: number, level: number, optname: number, optval: number, optlen: number): number;
  getsockname(sockfd: number, addr: number, addrlen: number): number;
  getpeername(sockfd: number, addr: number, addrlen: number): number;
  /** Missing where SO_PEERCRED tells. */
  getpeereid?(sockfd: number, euid: number, egid: number): number;
  fchmod(fd: number, mode: number): number;
  umask(mask: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  fcntl(fd: number, op: number, argument: number): number;
  dup2(oldfd: number, newfd: number): number;
  /** Missing where libc has none. */
  dup3?(oldfd: number, newfd: number, flags: number): number;
  /** Missing where the kernel has no epoll(7). */
  epoll_create1?(flags: number): number;
  epoll_ctl?(epfd: number, op: number, fd: number, event: number): number;
  epoll_wait?(epfd: number, events: number, maxevents: number, timeout: number): number;

  /** The calling thread's errno; true only until the next call of anything. */
  errno(): number;
  strerror(errno: number): string;
  /** errno's numbers by name on this host. */
  readonly errnos: Readonly<Record<string, number>>;
  /** Where a buffer lies. The number is good for as long as the buffer is referenced. */
  address(memory: ArrayBuffer | ArrayBufferView): number;

  readonly abi: Abi;
  readonly layout: Layout;
}

// esbuild's CommonJS output has no import.meta.url, and a __filename instead.
const requireFrom = createRequire(import.meta.url ?? __filename);

/**
 * Loads libc and declares what is called of it. Each thread that asks gets functions of its own.
 *
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
 */
export function loadBinding(): Binding {
  const host = { platform: process.platform, arch: process.arch, endianness: endianness() };
  assertSupported(host);
  const koffi = requireKoffi();
  // null is the program itself. It is linked to libc wherever Node runs, whatever the file is called there.
  const libc = koffi.load(null);
  const abi = abiOf(host, hasSymbol(libc, 'gnu_get_libc_version'));
  const fcntl = libc.func('int fcntl(int fd, int op, ...)');
  const ioctl = libc.func('int ioctl(int fd, unsigned long request, ...)');

  // Only a call whose parameters are all plain numbers takes koffi's fast path, so a pointer is declared as
  // the integer that it is. koffi does not know ssize_t; intptr_t has its width on every platform here.
  return {
    socket: libc.func('int socket(int domain, int type, int protocol)'),
    socketpair: libc.func('int socketpair(int domain, int type, int protocol, uintptr_t sv)'),
    bind: libc.func('int bind(int sockfd, uintptr_t addr, unsigned int addrlen)'),
    listen: libc.func('int listen(int sockfd, int backlog)'),
    connect: libc.func('int connect(int sockfd, uintptr_t addr, unsigned int addrlen)'),
    accept: libc.func('int accept(int sockfd, uintptr_t addr, uintptr_t addrlen)'),
    ...(abi.accept4 && {
      accept4: libc.func('int accept4(int sockfd, uintptr_t addr, uintptr_t addrlen, int flags)'),
    }),
    send: libc.func('intptr_t send(int sockfd, uintptr_t buf, uintptr_t len, int flags)'),
    sendmsg: libc.func('intptr_t sendmsg(int sockfd, uintptr_t msg, int flags)'),
    recvmsg: libc.func('intptr_t recvmsg(int sockfd, uintptr_t msg, int flags)'),
    ...(abi.mmsghdr && {
      sendmmsg: libc.func('int sendmmsg(int sockfd, uintptr_t msgvec, unsigned int vlen, int flags)'),
      recvmmsg: libc.func(
        'int recvmmsg(int sockfd, uintptr_t msgvec, unsigned int vlen, int flags, uintptr_t timeout)',
      ),
    }),
    shutdown: libc.func('int shutdown(int sockfd, int how)'),
    close: libc.func('int close(int fd)'),
    ...(hasSymbol(libc, 'close_range') && {
      close_range: libc.func('int close_range(unsigned int first, unsigned int last, int flags)'),
    }),
    poll: libc.func(`int poll(uintptr_t fds, ${abi.nfds_t} nfds, int timeout)`),
    getsockopt: libc.func(
      'int getsockopt(int sockfd, int level, int optname, uintptr_t optval, uintptr_t optlen)',
    ),
    setsockopt: libc.func(
      'int setsockopt(int sockfd, int level, int optname, uintptr_t optval, unsigned int optlen)',
    ),
    getsockname: libc.func('int getsockname(int sockfd, uintptr_t addr, uintptr_t addrlen)'),
    getpeername: libc.func('int getpeername(int sockfd, uintptr_t addr, uintptr_t addrlen)'),
    ...(abi.SO_PEERCRED === 0 && {
      getpeereid: libc.func('int getpeereid(int sockfd, uintptr_t euid, uintptr_t egid)'),
    }),
    fchmod: libc.func('int fchmod(int fd, unsigned int mode)'),
    umask: libc.func('unsigned int umask(unsigned int mask)'),
    ioctl: (fd, request, argument) => ioctl(fd, request, 'uintptr_t', argument),
    fcntl: (fd, op, argument) => fcntl(fd, op, 'int', argument),
    dup2: libc.func('int dup2(int oldfd, int newfd)'),
    ...(abi.dup3 && { dup3: libc.func('int dup3(int oldfd, int newfd, int flags)') }),
    ...(abi.epoll_event && {
      epoll_create1: libc.func('int epoll_create1(int flags)'),
      epoll_ctl: libc.func('int epoll_ctl(int epfd, int op, int fd, uintptr_t event)'),
      epoll_wait: libc.func('int epoll_wait(int epfd, uintptr_t events, int maxevents, int timeout)'),
    }),

    errno: koffi.errno,
    strerror: libc.func('str strerror(int errnum)'),
    errnos: koffi.os.errno,
    // Android tags the top byte of heap pointers, which a double could not carry and the kernel ignores.
    address: (memory) => Number(BigInt.asUintN(56, koffi.address(memory))),

    abi,
    layout: layoutOf(koffi, abi, koffi.sizeof('size_t')),
  };
}

/** Where koffi is, for a thread that loads it on its own. */
export function koffiPath(): string {
  return requireFrom.resolve('koffi');
}

function requireKoffi(): Koffi {
  try {
    koffiPath();
  } catch (cause) {
    const message = 'fdchannel needs the package koffi, which is not installed: npm install koffi';
    throw Object.assign(new Error(message, { cause }), { code: 'MODULE_NOT_FOUND' });
  }
  try {
    return requireFrom('koffi');
  } catch (cause) {
    throw new UnsupportedPlatformError(
      `fdchannel needs koffi's native module, which did not load on ${process.platform} ${process.arch}`,
      { cause },
    );
  }
}

function hasSymbol(library: ReturnType<Koffi['load']>, name: string): boolean {
  try {
    library.symbol(name);
    return true;
  } catch {
    return false;
  }
}
