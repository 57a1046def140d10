import koffi from 'koffi';
import type { Abi, Layout } from '../../src/abi/abi.ts';
import { abiOf, type Host } from '../../src/abi/host.ts';
import { layoutOf } from '../../src/libc/layout.ts';
import rows from '../fixtures/abi.golden.json' with { type: 'json' };

/** A structure as a platform's own C compiler lays it out; names without C's prefix. */
export interface GoldenStruct {
  readonly size: number;
  readonly offsets: Readonly<Record<string, number>>;
  readonly widths: Readonly<Record<string, number>>;
}

export interface Golden {
  readonly pointerSize: number;
  readonly iovec: GoldenStruct;
  readonly msghdr: GoldenStruct;
  readonly cmsghdr: GoldenStruct;
  readonly pollfdSize: number;
  readonly nfds_t: string;
  readonly cmsgAlign: number;
  /** CMSG_LEN and CMSG_SPACE of so many bytes. */
  readonly cmsgLen0: number;
  readonly cmsgLen4: number;
  readonly cmsgSpace0: number;
  readonly cmsgSpace4: number;
  readonly cmsgSpace8: number;
  readonly cmsgSpace1012: number;
  /** 0 where the platform has no such name. */
  readonly constants: Readonly<Record<string, number>>;
}

/** A platform with what its headers say, and with what this package says. */
export interface GoldenPlatform {
  readonly name: string;
  readonly host: Host;
  readonly golden: Golden;
  readonly abi: Abi;
  readonly layout: Layout;
}

/** Golden figures as the file has them: a constant is null where the platform has no such name. */
interface Row extends Omit<Golden, 'constants'> {
  readonly constants: Readonly<Record<string, number | null>>;
}

/** Every supported platform. */
export const platforms: readonly GoldenPlatform[] = Object.entries(rows as Record<string, Row>).map(
  ([name, row]) => {
    const constants = Object.entries(row.constants).map(([constant, value]) => [constant, value ?? 0]);
    const golden: Golden = { ...row, constants: Object.fromEntries(constants) };
    const parts = name.split('-');
    const arch = parts.at(-1) === 'ppc64le' ? 'ppc64' : (parts.at(-1) as string);
    const host = { platform: parts[0] as string, arch, endianness: 'LE' };
    const abi = abiOf(host, parts[1] === 'glibc');
    return { name, host, golden, abi, layout: layoutOf(koffi, abi, golden.pointerSize) };
  },
);
