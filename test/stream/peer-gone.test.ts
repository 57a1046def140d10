import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeFD, UnixStream, type UnixStreamOptions } from '../../src/index.ts';
import { isOpen } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { type Process, startFixture } from '../support/processes.ts';
import { socketpair } from '../support/raw.ts';
import { Log, settled } from '../support/streams.ts';
import { suite } from '../support/suite.ts';

/** More than the socket and both streams have room for. */
const BYTES = 4_000_000;

/** Of a peer that is gone in the middle, the kernel says either, to whichever call comes first. */
const GONE = /^(?:EPIPE|ECONNRESET)$/;

interface Scene {
  readonly stream: UnixStream;
  readonly log: Log;
  readonly peer: Process;
  readonly file: number;
}

/** A stream whose peer lives in another process, and does what test/fixtures/stream-peer.ts says of its role. */
async function withPeer(
  role: string,
  body: (scene: Scene) => Promise<unknown>,
  options: UnixStreamOptions = {},
): Promise<void> {
  const [own, other] = socketpair('stream');
  const peer = startFixture('stream-peer.ts', { args: [role, `${BYTES}`], fds: [other] });
  closeFD(other);
  const stream = new UnixStream(own, options);
  const log = new Log(stream);
  await withDescriptors([temporaryFile()], (file) => body({ stream, log, peer, file }));
  assert.equal(isOpen(own), false);
}

/** Writes a message, and tells by which code it failed. */
function write(stream: UnixStream, bytes: number, fds: readonly number[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    stream.writeWithFds(Buffer.alloc(bytes), fds, (error) => resolve(Reflect.get(error ?? {}, 'code')));
  });
}

async function kill({ child, exit }: Process): Promise<void> {
  child.kill('SIGKILL');
  assert.equal((await exit).signal, 'SIGKILL');
}

suite('a peer in another process that is gone in mid-message', (test) => {
  test('killed while it sends: its descriptors and the bytes that it sent, then the end', () =>
    withPeer('sends', async ({ stream, log, peer }) => {
      const [fds] = await once(stream, 'fds');
      assert.equal(fds.length, 2);
      fds.forEach(closeFD);
      await settled(() => stream.readableLength > 0);
      await kill(peer);
      let bytes = 0;
      for await (const chunk of stream) bytes += chunk.length;
      assert.ok(bytes > 0 && bytes < BYTES, `${bytes} bytes came`);
      assert.equal(bytes, stream.bytesRead);
      await settled(() => log.entries.includes('close false'));
      assert.ok(log.entries.includes('end'));
    }));

  test('killed with ours unread: the reset', () =>
    withPeer('reads the beginning', async ({ stream, log, peer, file }) => {
      const first = write(stream, 1, [file]);
      assert.equal(await peer.line(), 'began');
      assert.equal(await first, undefined);
      // The peer reads no more than its buffer.
      assert.equal(await write(stream, 100_000, [file]), undefined);
      await kill(peer);
      await settled(() => stream.closed && log.entries.length === 2);
      assert.deepEqual(log.entries, ['error ECONNRESET', 'close true']);
    }));

  for (const killed of [true, false]) {
    const role = killed ? 'reads the beginning' : 'closes at the beginning';
    test(`${killed ? 'killed' : 'resets'} while it receives: every message fails, and holds no descriptor`, () =>
      withPeer(role, async ({ stream, log, peer, file }) => {
        const all = [write(stream, BYTES, [file]), write(stream, 1, [file, file]), write(stream, BYTES, [])];
        assert.equal(await peer.line(), 'began');
        if (killed) await kill(peer);
        const codes = await Promise.all(all);
        await peer.exit;
        for (const code of codes) assert.match(code ?? 'no error', GONE);
        await settled(() => log.entries.includes('close true'));
        assert.equal(log.entries.filter((entry) => entry.startsWith('error')).length, 1);
        assert.equal(await write(stream, 1, [file]), 'ERR_STREAM_DESTROYED');
      }));
  }

  for (const allowHalfOpen of [true, false]) {
    test(`ends its sending: it gets the whole message all the same, allowHalfOpen ${allowHalfOpen}`, () =>
      withPeer(
        'ends its sending, and reads',
        async ({ stream, log, peer, file }) => {
          stream.resume();
          const written = Promise.all([write(stream, BYTES, [file]), write(stream, 1, [file])]);
          await once(stream, 'end');
          // Otherwise the stream has ended itself.
          if (allowHalfOpen) stream.end();
          assert.deepEqual(await written, [undefined, undefined]);
          assert.equal(await peer.line(), 'began');
          assert.equal(await peer.line(), `${BYTES + 1} bytes, 2 descriptors`);
          assert.equal((await peer.exit).code, 0);
          await settled(() => log.entries.includes('close false'));
        },
        { allowHalfOpen },
      ));
  }

  test('answers behind our end, with descriptors', () =>
    withPeer('answers behind the end', async ({ stream, log, peer, file }) => {
      const written = write(stream, BYTES, [file]);
      stream.end();
      const [fds] = await once(stream, 'fds');
      fds.forEach(closeFD);
      let bytes = 0;
      for await (const chunk of stream) bytes += chunk.length;
      assert.equal(await written, undefined);
      assert.equal(bytes, BYTES);
      assert.equal(await peer.line(), 'began');
      assert.equal(await peer.line(), `${BYTES} bytes, 1 descriptors`);
      assert.deepEqual([(await peer.exit).code, log.entries.includes('close false')], [0, true]);
    }));

  test('we are gone while it sends, and while it receives: it is told', async () => {
    await withPeer('sends', async ({ stream, peer }) => {
      const [fds] = await once(stream, 'fds');
      fds.forEach(closeFD);
      stream.destroy();
      assert.match(await peer.line(), GONE);
      assert.equal((await peer.exit).code, 0);
    });
    await withPeer('ends its sending, and reads', async ({ stream, peer, file }) => {
      const failed = write(stream, BYTES, [file]);
      assert.equal(await peer.line(), 'began');
      stream.destroy();
      assert.equal(await failed, 'ERR_STREAM_DESTROYED');
      const [bytes] = (await peer.line()).split(' ');
      assert.ok(Number(bytes) < BYTES, `${bytes} bytes came`);
      assert.equal((await peer.exit).code, 0);
    });
  });
});
