import type { Abi } from './abi.ts';
import { bsd } from './bsd.ts';

/** macOS, Intel and Apple silicon (the SDK's usr/include). */
export const darwin: Abi = {
  ...bsd,
  cmsgAlign: 'uint32_t', // sys/_types.h: __DARWIN_ALIGN32
  SOCK_CLOEXEC: 0,
  SOCK_NONBLOCK: 0,
  LOCAL_PEERPID: 0x002, // sys/un.h; SOL_LOCAL is 0
  MSG_NOSIGNAL: 0x80000, // sys/socket.h
  MSG_CMSG_CLOEXEC: 0,
  F_DUPFD_CLOEXEC: 67, // sys/fcntl.h
  O_CLOEXEC: 0x1000000, // sys/fcntl.h
  accept4: false,
  dup3: false,
};
