import type { Abi } from './abi.ts';

// The kernel's userspace headers (include/uapi) give these constants. asm-generic/* holds for every processor that is
// supported here; of asm/socket.h and asm/ioctls.h, ppc64 has others.
const constants = {
  AF_UNIX: 1, // linux/socket.h; glibc bits/socket.h
  SOCK_STREAM: 1, // linux/net.h; glibc bits/socket_type.h
  SOCK_DGRAM: 2, // linux/net.h
  SOCK_SEQPACKET: 5, // linux/net.h
  SOCK_CLOEXEC: 0o2000000, // linux/net.h: O_CLOEXEC
  SOCK_NONBLOCK: 0o4000, // linux/net.h: O_NONBLOCK
  SOL_SOCKET: 1, // asm-generic/socket.h
  SO_TYPE: 3, // asm-generic/socket.h
  SO_ACCEPTCONN: 30, // asm-generic/socket.h
  SO_PEERCRED: 17, // asm-generic/socket.h
  SOL_LOCAL: 0,
  LOCAL_PEERPID: 0,
  SO_PEERPIDFD: 77, // asm-generic/socket.h, since 6.5
  SO_PASSRIGHTS: 83, // asm-generic/socket.h, since 6.16
  SCM_RIGHTS: 0x01, // linux/socket.h
  SCM_PIDFD: 0x04, // linux/socket.h, since 6.5; sent to a socket that asks with SO_PASSPIDFD
  controlNames: { 1: 'SCM_RIGHTS', 2: 'SCM_CREDENTIALS', 3: 'SCM_SECURITY', 4: 'SCM_PIDFD' }, // linux/socket.h
  MSG_PEEK: 0x02, // linux/socket.h
  MSG_TRUNC: 0x20, // linux/socket.h; passed in, it makes the result the packet's real length
  MSG_CTRUNC: 0x08, // linux/socket.h
  MSG_DONTWAIT: 0x40, // linux/socket.h
  MSG_NOSIGNAL: 0x4000, // linux/socket.h
  MSG_CMSG_CLOEXEC: 0x40000000, // linux/socket.h; comes back in msg_flags too
  MSG_EOR: 0x80, // linux/socket.h
  SHUT_RD: 0, // POSIX sys/socket.h
  SHUT_WR: 1, // POSIX sys/socket.h
  MSG_WAITFORONE: 0x10000, // linux/socket.h
  SHUT_RDWR: 2, // POSIX sys/socket.h
  F_GETFD: 1, // asm-generic/fcntl.h
  F_SETFD: 2, // asm-generic/fcntl.h
  F_DUPFD_CLOEXEC: 1030, // linux/fcntl.h: F_LINUX_SPECIFIC_BASE + 6
  F_GETFL: 3, // asm-generic/fcntl.h
  F_SETFL: 4, // asm-generic/fcntl.h
  FD_CLOEXEC: 1, // asm-generic/fcntl.h
  O_CLOEXEC: 0o2000000, // asm-generic/fcntl.h
  O_NONBLOCK: 0o4000, // asm-generic/fcntl.h
  POLLIN: 0x0001, // asm-generic/poll.h
  POLLOUT: 0x0004, // asm-generic/poll.h
  POLLHUP: 0x0010, // asm-generic/poll.h
  POLLRDHUP: 0x2000, // asm-generic/poll.h
  EPOLL_CTL_ADD: 1, // linux/eventpoll.h
  EPOLL_CTL_MOD: 3, // linux/eventpoll.h

  SUN_PATH_BYTES: 108, // linux/un.h: UNIX_PATH_MAX
  FIONREAD: 0x541b, // asm-generic/ioctls.h
  abstractNames: true, // unix(7)
  mostDescriptors: 253, // the kernel's net/scm.h: SCM_MAX_FD
  accept4: true,
  dup3: true,
  framings: ['seqpacket', 'stream'],
  // msg_controllen decides how many descriptors the kernel installs, so room for one takes at most one.
  receiveRoom: 1,
} as const;

const pollfd = { fd: 'int32_t', events: 'int16_t', revents: 'int16_t' } as const; // asm-generic/poll.h
const iovec = { iov_base: 'uintptr_t', iov_len: 'size_t' } as const; // linux/uio.h
const sockaddr_un = { sun_family: 'uint16_t', sun_path: 'uint8_t' } as const; // linux/un.h
const ucred = { pid: 'int32_t', uid: 'uint32_t', gid: 'uint32_t' } as const; // linux/socket.h

/** The kernel's own structures: the GNU C library's everywhere, musl's on 32-bit processors. */
export const linux: Abi = {
  ...constants,
  iovec,
  // linux/socket.h: struct user_msghdr; glibc bits/socket.h
  msghdr: {
    msg_name: 'uintptr_t',
    msg_namelen: 'uint32_t',
    msg_iov: 'uintptr_t',
    msg_iovlen: 'size_t',
    msg_control: 'uintptr_t',
    msg_controllen: 'size_t',
    msg_flags: 'int32_t',
  },
  cmsghdr: { cmsg_len: 'size_t', cmsg_level: 'int32_t', cmsg_type: 'int32_t' }, // linux/socket.h
  mmsghdr: { msg_hdr: 'msghdr', msg_len: 'uint32_t' }, // linux/socket.h; musl include/sys/socket.h
  pollfd,
  sockaddr_un,
  ucred,
  cmsgAlign: 'size_t', // linux/socket.h: CMSG_ALIGN rounds to sizeof(long)
  nfds_t: 'unsigned long', // poll.h
};

/**
 * musl on 64-bit processors: where the kernel has `size_t`, POSIX wants `int` and `socklen_t`, and musl pads
 * them to the kernel's offsets (musl include/sys/socket.h).
 */
export const linuxMusl64: Abi = {
  ...linux,
  // musl's sendmsg() copies the control messages, and up to 1.2.3 refuses more than 1024 bytes of them (ENOMEM).
  mostDescriptors: 252,
  msghdr: {
    msg_name: 'uintptr_t',
    msg_namelen: 'uint32_t',
    msg_iov: 'uintptr_t',
    msg_iovlen: 'int32_t',
    __pad1: 'int32_t',
    msg_control: 'uintptr_t',
    msg_controllen: 'uint32_t',
    __pad2: 'uint32_t',
    msg_flags: 'int32_t',
  },
  cmsghdr: { cmsg_len: 'uint32_t', __pad1: 'int32_t', cmsg_level: 'int32_t', cmsg_type: 'int32_t' },
};

/** powerpc's asm/socket.h and asm/ioctls.h have numbers of their own. */
const ppc64 = { SO_PEERCRED: 21, FIONREAD: 0x4004667f };

export const linuxPpc64: Abi = { ...linux, ...ppc64 };

/** Android's bionic: the kernel's structures (libc/include/bits/...), and a 32-bit `nfds_t` (poll.h). */
export const android: Abi = { ...linux, nfds_t: 'unsigned int' };

export const linuxMuslPpc64: Abi = { ...linuxMusl64, ...ppc64 };
