import type { Abi } from './abi.ts';

/** macOS, Intel and Apple silicon (the SDK's usr/include). */
export const darwin: Abi = {
  iovec: { iov_base: 'uintptr_t', iov_len: 'size_t' }, // sys/_types/_iovec_t.h
  // sys/socket.h
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
  cmsgAlign: 'uint32_t', // sys/_types.h: __DARWIN_ALIGN32
  nfds_t: 'unsigned int', // sys/poll.h

  AF_UNIX: 1, // sys/socket.h
  SOCK_STREAM: 1, // sys/socket.h
  SOCK_DGRAM: 2, // sys/socket.h
  SOCK_SEQPACKET: 5, // sys/socket.h; socketpair(2) answers EPROTONOSUPPORT for AF_UNIX
  SOCK_CLOEXEC: 0,
  SOL_SOCKET: 0xffff, // sys/socket.h
  SO_TYPE: 0x1008, // sys/socket.h
  SCM_RIGHTS: 0x01, // sys/socket.h
  SCM_PIDFD: 0,
  MSG_PEEK: 0x2, // sys/socket.h
  MSG_TRUNC: 0x10, // sys/socket.h
  MSG_CTRUNC: 0x20, // sys/socket.h
  MSG_DONTWAIT: 0x80, // sys/socket.h
  MSG_NOSIGNAL: 0x80000, // sys/socket.h
  MSG_CMSG_CLOEXEC: 0,
  SHUT_RDWR: 2, // sys/socket.h
  F_GETFD: 1, // sys/fcntl.h
  F_SETFD: 2, // sys/fcntl.h
  F_DUPFD_CLOEXEC: 67, // sys/fcntl.h
  FD_CLOEXEC: 1, // sys/fcntl.h
  O_CLOEXEC: 0x1000000, // sys/fcntl.h
  POLLIN: 0x0001, // sys/poll.h
  POLLOUT: 0x0004, // sys/poll.h
  POLLHUP: 0x0010, // sys/poll.h
  POLLNVAL: 0x0020, // sys/poll.h
  POLLRDHUP: 0,
  EPOLL_CTL_ADD: 0,
  EPOLL_CTL_DEL: 0,
  EPOLL_CTL_MOD: 0,

  dup3: false,
  framings: ['stream'],
  // On truncation the kernel leaves descriptors installed beyond msg_controllen, where nobody could close
  // them; with room for all that a message can carry there is no truncation.
  receiveRoom: 254,
};
