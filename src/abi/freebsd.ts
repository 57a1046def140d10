import type { Abi } from './abi.ts';
import { bsd } from './bsd.ts';

/** FreeBSD (/usr/include). */
export const freebsd: Abi = {
  ...bsd,
  cmsgAlign: 'size_t', // machine/_align.h: _ALIGNBYTES is sizeof(register_t) - 1
  SOCK_CLOEXEC: 0x10000000, // sys/socket.h
  SOCK_NONBLOCK: 0x20000000, // sys/socket.h
  MSG_NOSIGNAL: 0x20000, // sys/socket.h
  MSG_CMSG_CLOEXEC: 0x40000, // sys/socket.h
  F_DUPFD_CLOEXEC: 17, // fcntl.h
  O_CLOEXEC: 0x100000, // fcntl.h
  accept4: true,
  dup3: true,
};
