import type { Libc } from './calls.ts';

/**
 * The first of `count` numbers that is not an open descriptor, or undefined where all are.
 *
 * Many are looked at by one poll(2) that asks for no event, which is a twentieth of the price of a call for each. It
 * answers of a number that is not open, but also of other things: then fcntl(2) decides.
 */
export function firstClosed(c: Libc, fds: Int32Array, count: number): number | undefined {
  const { address, words } = c.scratch;
  const { size, offset } = c.layout.pollfd;
  const [stride, most] = [size / 4, Math.floor(words.byteLength / size)];
  for (let from = 0; from < count; from += most) {
    const some = Math.min(most, count - from);
    for (let i = 0; i < some; i++) {
      words[i * stride + offset.fd / 4] = fds[from + i] as number;
      words[i * stride + offset.events / 4] = 0;
    }
    // It fails, too, where more descriptors are named than the process may have.
    if (c.raw.poll(address, some, 0) === 0) continue;
    const closed = fds.slice(from, from + some).find((fd) => c.raw.fcntl(fd, c.abi.F_GETFD, 0) < 0);
    if (closed !== undefined) return closed;
  }
  return undefined;
}
