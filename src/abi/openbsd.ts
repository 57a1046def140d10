import type { Abi } from './abi.ts';
import { bsd } from './bsd.ts';

/** OpenBSD (/usr/include). */
export const openbsd: Abi = {
  ...bsd,
  msghdr: { ...bsd.msghdr, msg_iovlen: 'uint32_t' }, // sys/socket.h
  cmsgAlign: 'size_t', // machine/_types.h: _ALIGNBYTES is sizeof(long) - 1
  SOCK_CLOEXEC: 0x8000, // sys/socket.h
  SOCK_NONBLOCK: 0x4000, // sys/socket.h
  SO_PEERCRED: 0x1022, // sys/socket.h
  MSG_NOSIGNAL: 0x400, // sys/socket.h
  MSG_CMSG_CLOEXEC: 0x800, // sys/socket.h
  F_DUPFD_CLOEXEC: 10, // fcntl.h
  O_CLOEXEC: 0x10000, // fcntl.h
  accept4: true,
  dup3: true,
};
