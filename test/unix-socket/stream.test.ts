import assert from 'node:assert/strict';
import type { Message, UnixSocket } from '../../src/index.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { sameFile } from '../support/descriptors.ts';
import { assertMessage, drain, fillWithData, pattern, withFiles, withPair } from '../support/sockets.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const MEBI = 2 ** 20;

suite('a stream of messages', (test) => {
  for (const data of ['', [], new Uint8Array(0), ['', new Uint8Array(0)]]) {
    test(`descriptors without data are refused: ${JSON.stringify(data)}`, () =>
      withPair('stream', async (a, b) => {
        const refusal = { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' };
        assert.throws(() => a.sendMessage(data, [0]), refusal);
        assert.throws(() => a.trySendMessage(data, [0]), refusal);
        await assert.rejects(a.sendMessageAsync(data, [0]), refusal);
        assert.equal(b.tryRecvMessage(), undefined);
      }));

    test(`an empty message without descriptors is nothing at all: ${JSON.stringify(data)}`, () =>
      withPair('stream', async (a, b) => {
        assert.equal(a.sendMessage(data), 0);
        assert.equal(a.trySendMessage(data), 0);
        assert.equal(await a.sendMessageAsync(data), 0);
        assert.equal(b.tryRecvMessage(), undefined);
        a.sendMessage('x');
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x' });
      }));
  }

  test('what a receive has no room for stays, and is not told as lost', () =>
    withPair('stream', (a, b) => {
      a.sendMessage('abcdef');
      assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxBytes: 2 }), { data: 'ab' });
      assertMessage(b.recvMessage({ ...WITHIN_SECONDS, into: new Uint8Array(3) }), { data: 'cde' });
      assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'f' });
    }));

  test('descriptors come with the first byte of their data, whatever a receive has room for', () =>
    withPair('stream', (a, b) =>
      withFiles(2, (files) => {
        a.sendMessage('abc', files);
        assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxBytes: 1 }), { data: 'a', files });
        assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxBytes: 1 }), { data: 'b' });
        assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxBytes: 1 }), { data: 'c' });
      }),
    ));

  test("descriptors come no later than their data, and never with a later message's", () =>
    withPair('stream', (a, b) =>
      withFiles(3, ([x = -1, y = -1, z = -1]) => {
        a.sendMessage('before');
        a.sendMessage('one', [x, y]);
        a.sendMessage('two', [z]);
        a.sendMessage('after');
        const arrived: number[] = [];
        let bytes = 0;
        const due: [at: number, file: number][] = [
          [6, x],
          [6, y],
          [9, z],
        ];
        while (bytes < 'beforeonetwoafter'.length) {
          const message = b.recvMessage(WITHIN_SECONDS);
          assert.ok(message);
          bytes += message.data.length;
          for (const fd of message.fds) {
            const [at, file] = due.shift() as [number, number];
            assert.ok(sameFile(fd, file), 'in order');
            const end = file === z ? 12 : 9;
            assert.ok(
              bytes > at && bytes <= (arrived.length < 2 ? 9 : 17),
              `not before byte ${at}: ${bytes} of ${end}`,
            );
            arrived.push(fd);
          }
          message[Symbol.dispose]();
        }
        assert.equal(arrived.length, 3);
      }),
    ));

  test('bytes without descriptors are joined, and two messages with some are not', () =>
    withPair('stream', (a, b) =>
      withFiles(2, (files) => {
        for (const data of ['a', 'b', 'c']) a.sendMessage(data);
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'abc' });
        a.sendMessage('d', files.slice(0, 1));
        a.sendMessage('e', files.slice(1));
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'd', files: files.slice(0, 1) });
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'e', files: files.slice(1) });
      }),
    ));

  test('trySendMessage may take a part, whose descriptors are gone with it', () =>
    withPair('stream', (a, b) =>
      withFiles(3, (files) => {
        fillWithData(a);
        const room = drain(b);
        assert.ok(room > 0);
        const data = pattern(8 * MEBI);
        const sent = a.trySendMessage(data, files) as number;
        assert.ok(sent > 0 && sent < data.length, `${sent}`);
        assert.equal(a.trySendMessage('x'), undefined, 'the socket is full');
        assert.equal(a.trySendMessage('x', files), undefined);
        const first = b.recvMessage(WITHIN_SECONDS);
        assert.equal(first?.fds.length, 3);
        const [{ length } = { length: 0 }] = [first?.data];
        first?.[Symbol.dispose]();
        let at = length as number;
        for (let message = b.tryRecvMessage(); message; message = b.tryRecvMessage()) {
          assert.deepEqual(message.fds, [], 'each descriptor comes once');
          assert.ok(message.data.equals(data.subarray(at, at + message.data.length)));
          at += message.data.length;
        }
        assert.equal(at, sent);
      }),
    ));
});

/**
 * Receives so much data, and makes sure that it is `data`, with each of `files` once: no later than the byte that it was
 * sent with, and not in a receive that ends before.
 *
 * @param starts the bytes that the files were sent with, of which the first is the default
 */
async function assertArrives(
  socket: UnixSocket,
  data: Buffer,
  files: readonly number[],
  receive: () => Message | null | undefined | Promise<Message | null>,
  starts: readonly number[] = files.map(() => 0),
): Promise<void> {
  let at = 0;
  let fds = 0;
  while (at < data.length) {
    const message = await receive();
    assert.ok(message, `${socket.fd}: more than ${at} bytes`);
    for (const fd of message.fds) {
      const start = starts[fds] as number;
      assert.ok(sameFile(fd, files[fds++] as number), 'in order');
      assert.ok(
        at <= start && start < at + message.data.length,
        `in ${at}.. comes what was sent with ${start}`,
      );
    }
    assert.ok(message.data.equals(data.subarray(at, at + message.data.length)), `bytes from ${at} on`);
    at += message.data.length;
    message[Symbol.dispose]();
  }
  assert.equal(at, data.length);
  assert.equal(fds, files.length);
}

suite('8 MiB with three descriptors through a stream', (test) => {
  const data = pattern(8 * MEBI);

  test('on the event loop, both ways at once', () =>
    withPair('stream', (a, b) =>
      withFiles(6, async (files) => {
        const [ours, theirs] = [files.slice(0, 3), files.slice(3)];
        const sent = Promise.all([a.sendMessageAsync(data, ours), b.sendMessageAsync(data, theirs)]);
        await Promise.all([
          assertArrives(b, data, ours, () => b.recvMessageAsync()),
          assertArrives(a, data, theirs, () => a.recvMessageAsync()),
        ]);
        assert.deepEqual(await sent, [data.length, data.length]);
      }),
    ));

  test('in parts of every size', () =>
    withPair('stream', (a, b) =>
      withFiles(3, async (files) => {
        const sizes = [1, 5000, 3, 4096, 4097, 100_000, 0, 7, MEBI, 2, 70_000, 4000, 90, 2 * MEBI, 12];
        const parts: Buffer[] = [];
        let at = 0;
        for (const size of [...sizes, data.length]) {
          parts.push(data.subarray(at, at + size));
          at += size;
        }
        assert.equal(parts.length, 16);
        const sent = a.sendMessageAsync(parts, files);
        await assertArrives(b, data, files, () => b.recvMessageAsync({ maxBytes: 12_345 }));
        assert.equal(await sent, data.length);
      }),
    ));

  test('into memory of the receiver', () =>
    withPair('stream', (a, b) =>
      withFiles(3, async (files) => {
        const memory = new Uint8Array(10_007);
        const sent = a.sendMessageAsync(data, files);
        await assertArrives(b, data, files, () => b.recvMessageAsync({ into: memory }));
        assert.equal(await sent, data.length);
      }),
    ));

  for (const form of ['blocking', 'timeout'] as const) {
    test(`${form}, to a thread that sends it back`, () =>
      withPair('stream', (a, b) =>
        withFiles(3, async (files) => {
          const echo = await startWorker('echoes-messages.ts', { fd: b.fd, form, most: data.length });
          b.detach();
          const options = form === 'timeout' ? { timeout: 15_000 } : {};
          assert.equal(a.sendMessage(data, files, options), data.length);
          await assertArrives(a, data, files, () => a.recvMessage(options));
          a.destroy();
          assert.equal(await echo.next(), data.length);
          assert.equal(await echo.exit, 0);
        }),
      ));
  }
});

suite('a message that is half out', (test) => {
  const data = pattern(8 * MEBI);

  test('try would block, and a blocking send finishes it first', () =>
    withPair('stream', (a, b) =>
      withFiles(3, async (files) => {
        const first = a.sendMessageAsync(data, files);
        assert.equal(a.trySendMessage('overtakes'), undefined);
        drain(b);
        assert.equal(a.trySendMessage('overtakes'), undefined, 'also where there is room');
        assert.throws(() => a.sendMessage('overtakes', [], { timeout: 0 }), { code: 'ETIMEDOUT' });
        a.shutdown();
        await assert.rejects(first, { code: 'ERR_FDCHANNEL_ENDED' });
      }),
    ));

  test('a blocking send comes behind it, and before what has not begun', () =>
    withPair('stream', (a, b) =>
      withFiles(3, async (files) => {
        const reader = await startWorker('echoes-messages.ts', {
          fd: b.fd,
          form: 'blocking',
          most: data.length + 11,
        });
        b.detach();
        const first = a.sendMessageAsync(data, files);
        const last = a.sendMessageAsync('waits');
        assert.equal(a.sendMessage('blocks'), 6);
        assert.equal(await first, data.length);
        assert.equal(await last, 5);
        a.shutdown('write');
        await assertArrives(a, Buffer.concat([data, Buffer.from('blockswaits')]), files, () =>
          a.recvMessageAsync(),
        );
        assert.equal(await reader.next(), data.length + 11);
        await reader.exit;
      }),
    ));

  test('messages that wait behind it come in order, each with its descriptors', () =>
    withPair('stream', (a, b) =>
      withFiles(3, async ([x = -1, y = -1, z = -1]) => {
        const sends = [
          a.sendMessageAsync(data, [x]),
          a.sendMessageAsync('second', [y]),
          a.sendMessageAsync('third', [z]),
        ];
        const all = Buffer.concat([data, Buffer.from('secondthird')]);
        const starts = [0, data.length, data.length + 6];
        await assertArrives(b, all, [x, y, z], () => b.recvMessageAsync({ maxBytes: MEBI }), starts);
        assert.deepEqual(await Promise.all(sends), [data.length, 6, 5]);
      }),
    ));
});

suite('a stream that is torn', (test) => {
  const data = pattern(8 * MEBI);
  const torn = { name: 'ChannelError', code: 'ERR_FDCHANNEL_TORN' };

  async function assertTorn(a: UnixSocket): Promise<void> {
    for (let i = 0; i < 3; i++) {
      assert.throws(() => a.sendMessage('x'), torn);
      assert.throws(() => a.sendMessage('x', [0], { timeout: 10 }), torn);
      assert.throws(() => a.trySendMessage('x'), torn);
      await assert.rejects(a.sendMessageAsync('x', [0]), torn);
    }
  }

  test('by an abort in the middle, of which the first byte is out', () =>
    withPair('stream', (a, b) =>
      withFiles(3, async (files) => {
        const controller = new AbortController();
        const first = a.sendMessageAsync(data, files, { signal: controller.signal });
        const second = a.sendMessageAsync('behind', files);
        const reason = new Error('enough');
        controller.abort(reason);
        await assert.rejects(first, (error) => error === reason);
        await assert.rejects(second, torn, 'what waits behind it is told, although the peer does not read');
        await assertTorn(a);
        b.sendMessage('the other direction goes on', files);
        assertMessage(a.recvMessage(WITHIN_SECONDS), { data: 'the other direction goes on', files });
        a.shutdown('write');
        drain(b);
        assert.equal(b.recvMessage(WITHIN_SECONDS), null);
      }),
    ));

  test('by the end of the time, in the middle of a blocking send', () =>
    withPair('stream', (a) =>
      withFiles(1, async (files) => {
        const message = /^ETIMEDOUT: .*, sendmsg \(no room came within 20 ms\)$/;
        assert.throws(() => a.sendMessage(data, files, { timeout: 20 }), { code: 'ETIMEDOUT', message });
        await assertTorn(a);
      }),
    ));

  test('not by an abort or the end of the time before the first byte is out', () =>
    withPair('stream', async (a, b) => {
      fillWithData(a, 1);
      const controller = new AbortController();
      const waits = a.sendMessageAsync(data, [0], { signal: controller.signal });
      controller.abort();
      await assert.rejects(waits, { name: 'AbortError' });
      assert.throws(() => a.sendMessage(data, [0], { timeout: 5 }), { code: 'ETIMEDOUT' });
      drain(b);
      a.sendMessage('whole', [0]);
      assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'whole', files: [0] });
    }));

  test('by data that changes its length in the middle', () =>
    withPair('stream', async (a, b) => {
      const buffer = Buffer.from(data);
      const half = new Uint8Array(buffer);
      const sent = a.sendMessageAsync(half);
      structuredClone(half.buffer, { transfer: [half.buffer as ArrayBuffer] });
      drain(b);
      await assert.rejects(sent, { code: 'ERR_INVALID_ARG_VALUE' });
      await assertTorn(a);
    }));

  test('a peer that ends in the middle is told as the end', () =>
    withPair('stream', async (a, b) => {
      const sent = a.sendMessageAsync(data);
      b.destroy();
      const ended = { code: 'ERR_FDCHANNEL_ENDED' };
      await assert.rejects(sent, ended);
      assert.throws(() => a.sendMessage('x'), ended);
    }));

  test('destroy in the middle is told as destroy', () =>
    withPair('stream', async (a, b) => {
      const sent = a.sendMessageAsync(data);
      a.destroy();
      const gone = { code: 'EBADF', syscall: 'sendmsg' };
      await assert.rejects(sent, gone);
      assert.throws(() => a.sendMessage('x'), gone);
      drain(b);
      assert.equal(b.recvMessage(WITHIN_SECONDS), null);
    }));
});
