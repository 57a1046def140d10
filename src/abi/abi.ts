/** The C types that the structures below are made of. `uintptr_t` stands for every pointer. */
export type CType = 'uintptr_t' | 'size_t' | 'int32_t' | 'uint32_t' | 'int16_t' | 'uint16_t' | 'uint8_t';

/** A C structure: its members in their order. Offsets, padding and size follow from the types. */
export type StructDefinition<Member extends string> = Readonly<Record<Member, CType>> &
  Readonly<Record<string, CType>>;

/** The type of an `AF_UNIX` socket. */
export type SocketType = 'seqpacket' | 'stream' | 'dgram';

/** The types on which an endpoint frames descriptors: by an empty packet, or by a byte. */
export type Framing = Exclude<SocketType, 'dgram'>;

/**
 * What a platform's C headers say: the structures, and the constants that are used here.
 *
 * A flag of 0 means that the platform does not have it, and OR-ing it changes nothing. Facts that are not
 * numbers of a header stand beside the constants, because the platform decides them too.
 */
export interface Abi {
  readonly iovec: StructDefinition<'iov_base' | 'iov_len'>;
  readonly msghdr: StructDefinition<
    'msg_name' | 'msg_namelen' | 'msg_iov' | 'msg_iovlen' | 'msg_control' | 'msg_controllen' | 'msg_flags'
  >;
  readonly cmsghdr: StructDefinition<'cmsg_len' | 'cmsg_level' | 'cmsg_type'>;
  /** What sendmmsg(2) and recvmmsg(2) take an array of; undefined where the kernel has neither. */
  readonly mmsghdr: { readonly msg_hdr: 'msghdr'; readonly msg_len: CType } | undefined;
  readonly pollfd: StructDefinition<'fd' | 'events' | 'revents'>;
  /** Up to the first byte of the path, of which there are {@link SUN_PATH_BYTES}. */
  readonly sockaddr_un: StructDefinition<'sun_family' | 'sun_path'>;
  /** What {@link SO_PEERCRED} gives. */
  readonly ucred: StructDefinition<'pid' | 'uid' | 'gid'>;
  /** The type whose size CMSG_ALIGN rounds up to. */
  readonly cmsgAlign: CType;
  readonly nfds_t: 'unsigned long' | 'unsigned int';

  readonly AF_UNIX: number;
  readonly SOCK_STREAM: number;
  readonly SOCK_DGRAM: number;
  readonly SOCK_SEQPACKET: number;
  readonly SOCK_CLOEXEC: number;
  readonly SOCK_NONBLOCK: number;
  readonly SOL_SOCKET: number;
  readonly SO_TYPE: number;
  readonly SO_ACCEPTCONN: number;
  /** 0 where getpeereid(3) tells who the peer is. */
  readonly SO_PEERCRED: number;
  /** Level and name of the option that tells the peer's process where SO_PEERCRED does not; 0 where none does. */
  readonly SOL_LOCAL: number;
  readonly LOCAL_PEERPID: number;
  readonly SO_PEERPIDFD: number;
  readonly SO_PASSRIGHTS: number;
  readonly SCM_RIGHTS: number;
  /** A control message that carries one descriptor of the peer's process; 0 where there is none. */
  readonly SCM_PIDFD: number;
  /** Names of the types of control messages at level SOL_SOCKET. */
  readonly controlNames: Readonly<Record<number, string>>;
  readonly MSG_PEEK: number;
  readonly MSG_TRUNC: number;
  readonly MSG_CTRUNC: number;
  readonly MSG_DONTWAIT: number;
  readonly MSG_NOSIGNAL: number;
  readonly MSG_CMSG_CLOEXEC: number;
  readonly MSG_EOR: number;
  readonly SHUT_RD: number;
  readonly SHUT_WR: number;
  /** Has recvmmsg(2) wait for the first message only. */
  readonly MSG_WAITFORONE: number;
  readonly SHUT_RDWR: number;
  readonly F_GETFD: number;
  readonly F_SETFD: number;
  readonly F_DUPFD_CLOEXEC: number;
  readonly F_GETFL: number;
  readonly F_SETFL: number;
  readonly FD_CLOEXEC: number;
  readonly O_CLOEXEC: number;
  readonly O_NONBLOCK: number;
  readonly POLLIN: number;
  readonly POLLOUT: number;
  readonly POLLHUP: number;
  readonly POLLRDHUP: number;
  /** What epoll_ctl(2) is told, whose events are those of poll(2); 0 where there is no epoll(7). */
  readonly EPOLL_CTL_ADD: number;
  readonly EPOLL_CTL_MOD: number;

  /** The size of `sun_path`. */
  readonly SUN_PATH_BYTES: number;
  /** ioctl(2)'s request for the bytes of data in a receive queue. */
  readonly FIONREAD: number;
  /** Whether a name that begins with a NUL is abstract: in no file system. */
  readonly abstractNames: boolean;
  /** The most descriptors that one message carries. */
  readonly mostDescriptors: number;
  /** Whether libc has accept4(2), which accepts and sets close-on-exec in one step. */
  readonly accept4: boolean;
  /** Whether libc has dup3(2), which duplicates and sets close-on-exec in one step. */
  readonly dup3: boolean;
  /** The framings that the kernel carries without loss; the first is what newConnectedSockets makes. */
  readonly framings: readonly [Framing, ...Framing[]];
  /** For how many descriptors an endpoint's receive announces room. */
  readonly receiveRoom: number;
}

/** Where C puts the members of a structure, in bytes. */
export interface StructLayout<Member extends string> {
  readonly size: number;
  readonly offset: Readonly<Record<Member, number>>;
}

/** The structures of an {@link Abi} as they lie in memory. */
export interface Layout {
  readonly iovec: StructLayout<'iov_base' | 'iov_len'>;
  readonly msghdr: StructLayout<
    'msg_name' | 'msg_namelen' | 'msg_iov' | 'msg_iovlen' | 'msg_control' | 'msg_controllen' | 'msg_flags'
  >;
  readonly cmsghdr: StructLayout<'cmsg_len' | 'cmsg_level' | 'cmsg_type'>;
  readonly mmsghdr: StructLayout<'msg_hdr' | 'msg_len'> | undefined;
  readonly pollfd: StructLayout<'fd' | 'events' | 'revents'>;
  readonly sockaddr_un: StructLayout<'sun_family' | 'sun_path'>;
  readonly ucred: StructLayout<'pid' | 'uid' | 'gid'>;
  /** What CMSG_ALIGN rounds up to. */
  readonly cmsgAlign: number;
  /** The size of a pointer and of `size_t`. */
  readonly wordSize: number;
}
