import { libc } from '../../src/libc/calls.ts';
import type { ControlBuffer } from '../../src/socket/control.ts';
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

/** What nobody may read. */
export const CANARY = 0x7ca11ab1;

/** How much of it lies before and behind each buffer, in words. */
const MARGIN = 64;

/** A control buffer in the midst of memory that nobody may read. */
export function buffer(bytes: number, fill = 0): Int32Array<ArrayBuffer> {
  const words = Math.ceil(bytes / 4);
  const memory = new Int32Array(words + 2 * MARGIN).fill(CANARY);
  return memory.subarray(MARGIN, MARGIN + words).fill(fill);
}

/** The buffer, as the codec takes it. */
export function place(control: Int32Array<ArrayBuffer>): ControlBuffer {
  const { buffer, byteOffset, byteLength } = control;
  return { words: new Int32Array(buffer), controlAt: byteOffset / 4, controlBytes: byteLength };
}
