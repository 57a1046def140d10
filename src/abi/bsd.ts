import type { Abi } from './abi.ts';

/** What macOS, FreeBSD and OpenBSD share: 4.4BSD's structures and numbers. */
export const bsd: Omit<
  Abi,
  | 'cmsgAlign'
  | 'SOCK_CLOEXEC'
  | 'SOCK_NONBLOCK'
  | 'MSG_NOSIGNAL'
  | 'MSG_CMSG_CLOEXEC'
  | 'F_DUPFD_CLOEXEC'
  | 'O_CLOEXEC'
  | 'accept4'
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
  // FreeBSD's and OpenBSD's sendmmsg(2) and recvmmsg(2) are not used: FreeBSD's are loops within libc.
  mmsghdr: undefined,
  pollfd: { fd: 'int32_t', events: 'int16_t', revents: 'int16_t' }, // sys/poll.h
  sockaddr_un: { sun_len: 'uint8_t', sun_family: 'uint8_t', sun_path: 'uint8_t' }, // sys/un.h
  ucred: { uid: 'uint32_t', gid: 'uint32_t', pid: 'int32_t' }, // OpenBSD's sys/socket.h: sockpeercred
  nfds_t: 'unsigned int', // sys/poll.h, OpenBSD's poll.h

  AF_UNIX: 1, // sys/socket.h
  SOCK_STREAM: 1, // sys/socket.h
  SOCK_DGRAM: 2, // sys/socket.h
  SOCK_SEQPACKET: 5, // sys/socket.h
  SOL_SOCKET: 0xffff, // sys/socket.h
  SO_TYPE: 0x1008, // sys/socket.h
  SO_ACCEPTCONN: 0x0002, // sys/socket.h
  SO_PEERCRED: 0,
  SOL_LOCAL: 0,
  LOCAL_PEERPID: 0,
  SO_PEERPIDFD: 0,
  SO_PASSRIGHTS: 0,
  SCM_RIGHTS: 0x01, // sys/socket.h
  SCM_PIDFD: 0,
  controlNames: { 1: 'SCM_RIGHTS' }, // sys/socket.h
  MSG_PEEK: 0x2, // sys/socket.h
  MSG_TRUNC: 0x10, // sys/socket.h
  MSG_CTRUNC: 0x20, // sys/socket.h
  MSG_DONTWAIT: 0x80, // sys/socket.h
  MSG_EOR: 0x8, // sys/socket.h
  SHUT_RD: 0, // sys/socket.h
  SHUT_WR: 1, // sys/socket.h
  MSG_WAITFORONE: 0,
  SHUT_RDWR: 2, // sys/socket.h
  F_GETFD: 1, // fcntl.h
  F_SETFD: 2, // fcntl.h
  F_GETFL: 3, // fcntl.h
  F_SETFL: 4, // fcntl.h
  FD_CLOEXEC: 1, // fcntl.h
  O_NONBLOCK: 0x0004, // fcntl.h
  POLLIN: 0x0001, // sys/poll.h
  POLLOUT: 0x0004, // sys/poll.h
  POLLHUP: 0x0010, // sys/poll.h
  POLLRDHUP: 0,
  EPOLL_CTL_ADD: 0,
  EPOLL_CTL_MOD: 0,

  SUN_PATH_BYTES: 104, // sys/un.h
  FIONREAD: 0x4004667f, // sys/filio.h
  abstractNames: false,
  mostDescriptors: 253,

  // SEQPACKET loses empty packets: macOS has none of AF_UNIX (EPROTONOSUPPORT), FreeBSD queues nothing for an
  // empty packet, and on OpenBSD nobody has looked.
  framings: ['stream'],
  // Truncation must not happen. macOS leaves descriptors installed beyond msg_controllen, where nobody can close
  // them; OpenBSD fails the receive with EMSGSIZE.
  receiveRoom: 254,
};
