import { UnsupportedPlatformError } from '../errors.ts';
import { darwin } from './darwin.ts';
import { freebsd } from './freebsd.ts';
import { android, linux, linuxMusl64, onProcessor } from './linux.ts';
import { openbsd } from './openbsd.ts';

/** The C types that the structures below are made of. `uintptr_t` stands for every pointer. */
export type CType = 'uintptr_t' | 'size_t' | 'int32_t' | 'uint32_t' | 'int16_t' | 'uint16_t' | 'uint8_t';

/** A C structure: its members in their order. Offsets, padding and size follow from the types. */
export type StructDefinition<Member extends string> = Readonly<Record<Member, CType>> &
  Readonly<Record<string, CType>>;

/** How an endpoint frames a descriptor; also the type of its socket. */
export type Framing = 'seqpacket' | 'stream';

/**
 * What a platform's C headers say: the structures, and the constants that are used here.
 *
 * A flag of 0 means that the platform does not have it, and OR-ing it changes nothing. Facts that are not
 * numbers of a header stand beside the constants because the platform decides them too.
 */
export interface Abi {
  readonly iovec: StructDefinition<'iov_base' | 'iov_len'>;
  readonly msghdr: StructDefinition<
    'msg_name' | 'msg_namelen' | 'msg_iov' | 'msg_iovlen' | 'msg_control' | 'msg_controllen' | 'msg_flags'
  >;
  readonly cmsghdr: StructDefinition<'cmsg_len' | 'cmsg_level' | 'cmsg_type'>;
  readonly pollfd: StructDefinition<'fd' | 'events' | 'revents'>;
  /** Where there is epoll(7). The 64 bits of `data` are two words, the low one first. */
  readonly epoll_event?: StructDefinition<'events' | 'data'>;
  /** Only the head of every `sockaddr`: what tells the family. */
  readonly sockaddr: StructDefinition<'sa_family'>;
  /** The type whose size CMSG_ALIGN rounds up to. */
  readonly cmsgAlign: CType;
  readonly nfds_t: 'unsigned long' | 'unsigned int';

  readonly AF_UNIX: number;
  readonly SOCK_STREAM: number;
  readonly SOCK_DGRAM: number;
  readonly SOCK_SEQPACKET: number;
  readonly SOCK_CLOEXEC: number;
  readonly SOL_SOCKET: number;
  readonly SO_TYPE: number;
  readonly SCM_RIGHTS: number;
  /** A control message that carries one descriptor of the peer's process; 0 where there is none. */
  readonly SCM_PIDFD: number;
  readonly MSG_PEEK: number;
  readonly MSG_TRUNC: number;
  readonly MSG_CTRUNC: number;
  readonly MSG_DONTWAIT: number;
  readonly MSG_NOSIGNAL: number;
  readonly MSG_CMSG_CLOEXEC: number;
  readonly SHUT_RDWR: number;
  readonly F_GETFD: number;
  readonly F_SETFD: number;
  readonly F_DUPFD_CLOEXEC: number;
  readonly FD_CLOEXEC: number;
  readonly O_CLOEXEC: number;
  readonly POLLIN: number;
  readonly POLLOUT: number;
  readonly POLLHUP: number;
  readonly POLLNVAL: number;
  readonly POLLRDHUP: number;
  /** What epoll_ctl(2) is told, whose events are those of poll(2); 0 where there is no epoll(7). */
  readonly EPOLL_CTL_ADD: number;
  readonly EPOLL_CTL_DEL: number;
  readonly EPOLL_CTL_MOD: number;

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
  readonly msghdr: StructLayout<'msg_iov' | 'msg_iovlen' | 'msg_control' | 'msg_controllen' | 'msg_flags'>;
  readonly cmsghdr: StructLayout<'cmsg_len' | 'cmsg_level' | 'cmsg_type'>;
  readonly pollfd: StructLayout<'fd' | 'events' | 'revents'>;
  readonly epoll_event: StructLayout<'events' | 'data'> | undefined;
  readonly sockaddr: StructLayout<'sa_family'>;
  /** What CMSG_ALIGN rounds up to. */
  readonly cmsgAlign: number;
  /** The size of a pointer and of `size_t`. */
  readonly wordSize: number;
}

/** What decides the ABI. */
export interface Host {
  /** `process.platform` */
  readonly platform: string;
  /** `process.arch` */
  readonly arch: string;
  /** `os.endianness()` */
  readonly endianness: string;
}

interface Platform {
  /** The little-endian processors for which koffi carries a binary. */
  readonly archs: readonly string[];
  readonly abi: (arch: string, glibc: boolean) => Abi;
}

const PLATFORMS: Readonly<Record<string, Platform>> = {
  linux: {
    archs: ['x64', 'arm64', 'arm', 'ia32', 'riscv64', 'loong64', 'ppc64'],
    abi: (arch, glibc) => onProcessor(arch, glibc || arch === 'arm' || arch === 'ia32' ? linux : linuxMusl64),
  },
  android: { archs: ['x64', 'arm64'], abi: (arch) => onProcessor(arch, android) },
  darwin: { archs: ['x64', 'arm64'], abi: () => darwin },
  freebsd: { archs: ['x64', 'arm64', 'ia32'], abi: () => freebsd },
  openbsd: { archs: ['x64', 'arm64', 'ia32'], abi: () => openbsd },
};

/**
 * Refuses a host that has no table here. It needs nothing but the host's names, so it can speak before
 * anything native is loaded.
 *
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
 */
export function assertSupported(host: Host): void {
  platformOf(host);
}

/**
 * The table of a host.
 *
 * @param glibc whether the process runs on the GNU C library
 * @throws {@link UnsupportedPlatformError} `ERR_FDCHANNEL_UNSUPPORTED_PLATFORM`
 */
export function abiOf(host: Host, glibc: boolean): Abi {
  return platformOf(host).abi(host.arch, glibc);
}

function platformOf(host: Host): Platform {
  const platform = Object.hasOwn(PLATFORMS, host.platform) ? PLATFORMS[host.platform] : undefined;
  if (platform?.archs.includes(host.arch) && host.endianness === 'LE') return platform;
  const supported = Object.entries(PLATFORMS).map(([name, { archs }]) => `${name} (${archs.join(', ')})`);
  throw new UnsupportedPlatformError(
    `fdchannel does not support ${host.platform} on ${host.arch} (${host.endianness}); ` +
      `supported, all little-endian: ${supported.join('; ')}`,
  );
}
