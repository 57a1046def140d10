import { libc } from '../../src/libc/calls.ts';
import { type GoldenPlatform, platforms } from '../abi/golden.ts';

export type Platform = Pick<GoldenPlatform, 'name' | 'abi' | 'layout'>;

/** One of each way in which control messages lie in memory, and are named. */
export const kinds: readonly Platform[] = [
  ...new Map(
    platforms.map((platform) => {
      const { abi, layout } = platform;
      return [JSON.stringify([layout.cmsghdr, layout.cmsgAlign, abi.SOL_SOCKET, abi.SCM_PIDFD]), platform];
    }),
  ).values(),
];

export function host(): Platform {
  const { abi, layout } = libc();
  return { name: 'this host', abi, layout };
}

export function buffer(bytes: number, fill = 0): Int32Array {
  return new Int32Array(Math.ceil(bytes / 4)).fill(fill);
}

/** What nobody may read. */
export const CANARY = 0x7ca11ab1;
