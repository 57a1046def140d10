import type { Libc } from './calls.ts';

/**
 * The first of `count` numbers that is not an open descriptor, or undefined where all are.
 *
 * Many are looked at by one poll(2) that asks for no event, which costs a fifth of what a call for each would. It
 * answers of a number that is not open, but also of other things: then fcntl(2) decides.
 */
export function firstClosed(c: Libc, fds: Int32Array, count: number): number | undefined {
  const { address, words } = c.scratch;
  const { size, offset } = c.layout.pollfd;
  const [fd, events, stride] = [offset.fd / 4, offset.events / 4, size / 4];
  const most = Math.floor(words.length / stride);
  for (let from = 0; from < count; from += most) {
    const some = Math.min(most, count - from);
    for (let i = 0, at = 0; i < some; i++, at += stride) {
      words[at + fd] = fds[from + i] as number;
      words[at + events] = 0;
    }
    // It fails, too, where more descriptors are named than the process may have.
    if (c.raw.poll(address, some, 0) === 0) continue;
    const closed = fds.slice(from, from + some).find((one) => c.raw.fcntl(one, c.abi.F_GETFD, 0) < 0);
    if (closed !== undefined) return closed;
  }
  return undefined;
}
