import { UnsupportedPlatformError } from '../errors.ts';
import type { Abi } from './abi.ts';
import { darwin } from './darwin.ts';
import { freebsd } from './freebsd.ts';
import { android, linux, linuxMusl64, linuxMuslPpc64, linuxPpc64 } from './linux.ts';
import { openbsd } from './openbsd.ts';

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
    abi: (arch, glibc) => {
      if (arch === 'ppc64') return glibc ? linuxPpc64 : linuxMuslPpc64;
      return glibc || arch === 'arm' || arch === 'ia32' ? linux : linuxMusl64;
    },
  },
  android: { archs: ['x64', 'arm64'], abi: () => android },
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
