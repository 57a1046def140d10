import type { Abi } from './abi.ts';

/** What macOS, FreeBSD and OpenBSD share: 4.4BSD's structures and numbers. */
export const bsd: Omit<
  Abi,
  | 'cmsgAlign'
  | 'SOCK_CLOEXEC'
  | 'MSG_NOSIGNAL'
  | 'MSG_CMSG_CLOEXEC'
  | 'F_DUPFD_CLOEXEC'
  | 'O_CLOEXEC'
  | 'dup3'
> = {
  iovec: { iov_base: 'uintptr_t', iov_len: 'size_t' }, // sys/uio.h
  // sys/socket.h; OpenBSD's msg_iovlen is unsigned
  msghdr: {
    msg_name: 'uintptr_t',
    msg_namelen: 'uint32_t',
    msg_iov: 'uintptr_t',
    msg_iovlen: 'int32_t',
    msg_control: 'uintptr_t',
    msg_controllen: 'uint32_t',
    msg_flags: 'int32_t',
  },
  cmsghdr: { cmsg_len: 'uint32_t', cmsg_level: 'int32_t', cmsg_type: 'int32_t' }, // sys/socket.h
  pollfd: { fd: 'int32_t', events: 'int16_t', revents: 'int16_t' }, // sys/poll.h
  sockaddr: { sa_len: 'uint8_t', sa_family: 'uint8_t' }, // sys/socket.h
  nfds_t: 'unsigned int', // sys/poll.h, OpenBSD's poll.h

  AF_UNIX: 1, // sys/socket.h
  SOCK_STREAM: 1, // sys/socket.h
  SOCK_DGRAM: 2, // sys/socket.h
  SOCK_SEQPACKET: 5, // sys/socket.h
  SOL_SOCKET: 0xffff, // sys/socket.h
  SO_TYPE: 0x1008, // sys/socket.h
  SCM_RIGHTS: 0x01, // sys/socket.h
  SCM_PIDFD: 0,
  controlNames: { 1: 'SCM_RIGHTS' }, // sys/socket.h
  MSG_PEEK: 0x2, // sys/socket.h
  MSG_TRUNC: 0x10, // sys/socket.h
  MSG_CTRUNC: 0x20, // sys/socket.h
  MSG_DONTWAIT: 0x80, // sys/socket.h
  SHUT_RDWR: 2, // sys/socket.h
  F_GETFD: 1, // fcntl.h
  F_SETFD: 2, // fcntl.h
  FD_CLOEXEC: 1, // fcntl.h
  POLLIN: 0x0001, // sys/poll.h
  POLLOUT: 0x0004, // sys/poll.h
  POLLHUP: 0x0010, // sys/poll.h
  POLLNVAL: 0x0020, // sys/poll.h
  POLLRDHUP: 0,
  EPOLL_CTL_ADD: 0,
  EPOLL_CTL_DEL: 0,
  EPOLL_CTL_MOD: 0,

  // SEQPACKET loses empty packets: macOS has none of AF_UNIX (EPROTONOSUPPORT), FreeBSD queues nothing for an
  // empty packet, and on OpenBSD nobody has looked.
  framings: ['stream'],
  // Truncation must not happen. macOS leaves descriptors installed beyond msg_controllen, where nobody can close
  // them; OpenBSD fails the receive with EMSGSIZE.
  receiveRoom: 254,
};
