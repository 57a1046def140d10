import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeFD, UnixSocket, UnixStream } from '../../src/index.ts';
import { sameFile } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const BYTES = 100_000_000;
const DESCRIPTORS = 10_000;

/** A seeded generator of numbers from 0 to 1 (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Sent {
  readonly at: number;
  readonly file: number;
}

/**
 * Writes random bytes in random pieces, of which some come with descriptors.
 *
 * @param sent gets where those were
 * @returns a digest
 */
async function write(stream: UnixStream, files: readonly number[], sent: Sent[]): Promise<string> {
  const next = random(1);
  const source = Buffer.from(Array.from({ length: 1_000_000 }, () => next() * 256));
  const hash = createHash('sha1');
  const most = (2 * BYTES) / DESCRIPTORS;
  for (let at = 0; at < BYTES; ) {
    const length = Math.min(BYTES - at, 1 + Math.floor(next() ** 3 * 1.3 * most));
    const from = Math.floor(next() * (source.length - length));
    const chunk = source.subarray(from, from + length);
    hash.update(chunk);
    const fds = sent.length < DESCRIPTORS && next() < 0.75 ? [Math.floor(next() * files.length)] : [];
    if (next() < 0.1) {
      stream.cork();
      process.nextTick(() => stream.uncork());
    }
    for (const file of fds) sent.push({ at, file });
    const room =
      fds.length > 0
        ? stream.writeWithFds(
            chunk,
            fds.map((file) => files[file] as number),
          )
        : stream.write(chunk);
    at += length;
    if (!room) await once(stream, 'drain');
  }
  stream.end();
  return hash.digest('hex');
}

/**
 * Checks that each descriptor comes no later than its byte.
 *
 * @param exactly whether it also comes behind all bytes up to the descriptor before it: an echo that waits for room has
 *   been told of descriptors whose bytes it has yet to read, and sends them early
 */
async function check(
  stream: UnixStream,
  files: readonly number[],
  sent: readonly Sent[],
  exactly: boolean,
): Promise<[number, string]> {
  const hash = createHash('sha1');
  let [bytes, count] = [0, 0];
  stream.on('fds', (fds: number[]) => {
    for (const fd of fds) {
      const { at, file } = sent[count] as Sent;
      const before = exactly ? (sent[count - 1]?.at ?? -1) : -1;
      assert.ok(bytes <= at && bytes > before, `descriptor ${count} of byte ${at} came at ${bytes}`);
      assert.ok(sameFile(fd, files[file] as number));
      closeFD(fd);
      count++;
    }
  });
  stream.on('data', (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  await once(stream, 'end');
  assert.equal(bytes, BYTES);
  return [count, hash.digest('hex')];
}

suite('100 MB with 10,000 descriptors', (test) => {
  test(
    'from a stream to a stream: each descriptor with its bytes',
    async () => {
      const files = Array.from({ length: 16 }, (_, i) => temporaryFile(`${i}`));
      await withDescriptors(files, async () => {
        const [a, b] = UnixStream.pair();
        const sent: Sent[] = [];
        const [written, [count, received]] = await Promise.all([
          write(a, files, sent),
          check(b, files, sent, true),
        ]);
        assert.deepEqual([count, received], [sent.length, written]);
        await once(a, 'close');
      });
    },
    { timeout: 120_000 },
  );

  test(
    'an echo by another process: byte for byte, descriptor for descriptor',
    async () => {
      const files = Array.from({ length: 16 }, (_, i) => temporaryFile(`${i}`));
      await withDescriptors(files, async () => {
        const [ours, theirs] = UnixSocket.pair('stream');
        const stream = new UnixStream(ours);
        const echo = startFixture('stream-echo.ts', { fds: [theirs.fd], timeout: 100_000 });
        theirs.destroy();
        const sent: Sent[] = [];
        const [written, [count, received]] = await Promise.all([
          write(stream, files, sent),
          check(stream, files, sent, false),
        ]);
        assert.deepEqual([count, received], [sent.length, written]);
        assert.equal(count, DESCRIPTORS);
        const { code, stderr } = await echo.exit;
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      });
    },
    { timeout: 120_000 },
  );
});
