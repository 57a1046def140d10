import assert from 'node:assert/strict';
import { once } from 'node:events';
import { addAbortSignal, finished, PassThrough, pipeline, Readable, Writable } from 'node:stream';
import * as promises from 'node:stream/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD, SyscallError, UnixListener, UnixSocket, UnixStream } from '../../src/index.ts';
import { isOpen } from '../support/descriptors.ts';
import { startFixture } from '../support/processes.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE } from '../support/refusals.ts';
import { Log, settled, textOf, withFolder, withServer } from '../support/streams.ts';
import { suite } from '../support/suite.ts';

/** What a stream is asked to do with an end that others make. */
async function withPair(body: (a: UnixStream, b: UnixStream) => unknown): Promise<void> {
  const [a, b] = UnixStream.pair();
  try {
    await body(a, b);
  } finally {
    a.destroy();
    b.destroy();
  }
}

/** A listener whose backlog is full, so that whoever connects waits. */
async function withFullBacklog(body: (path: string, listener: UnixListener) => unknown): Promise<void> {
  await withFolder(async (folder) => {
    const path = `${folder}/full`;
    const listener = UnixListener.listen(path, { type: 'stream', backlog: 0 });
    const first = UnixSocket.connect(path, { type: 'stream' });
    try {
      await body(path, listener);
    } finally {
      first.destroy();
      listener.destroy();
    }
  });
}

suite('what others do with a UnixStream', (test) => {
  test('pipeline', () =>
    withPair(async (a, b) => {
      const text = 'x'.repeat(3_000_000);
      const [, received] = await Promise.all([
        promises.pipeline(Readable.from([text.slice(0, 5), text.slice(5)]), a),
        textOf(b),
      ]);
      assert.equal(received, text);
      await settled(() => a.closed && b.closed);
    }));

  test('pipeline in both directions: an echo', () =>
    withPair(async (a, b) => {
      const echo = promises.pipeline(b, new PassThrough(), b);
      a.end('echo');
      assert.equal(await textOf(a), 'echo');
      await echo;
    }));

  test('pipeline of a peer that goes in the middle', () =>
    withPair(async (a, b) => {
      const done = new Promise((resolve) =>
        pipeline(Readable.from(endless()), a, (error) => resolve(error?.code)),
      );
      await once(b, 'data');
      b.destroy();
      assert.match(`${await done}`, /EPIPE|ECONNRESET/);
    }));

  test('pipe', () =>
    withPair(async (a, b) => {
      Readable.from(['one, ', 'two']).pipe(a);
      const chunks: string[] = [];
      b.pipe(
        new Writable({
          write(chunk, _encoding, callback) {
            chunks.push(`${chunk}`);
            callback();
          },
        }),
      );
      await once(b, 'end');
      assert.equal(chunks.join(''), 'one, two');
    }));

  test('for await, to the end', () =>
    withPair(async (a, b) => {
      a.write('one, ');
      a.end('two');
      assert.equal(await textOf(b), 'one, two');
    }));

  test('for await, broken off', () =>
    withPair(async (a, b) => {
      a.on('error', () => {});
      a.write('one');
      for await (const chunk of b) {
        assert.equal(`${chunk}`, 'one');
        break;
      }
      assert.ok(b.destroyed);
      assert.equal(b.fd, -1);
    }));

  test('for await, broken off before and after its turn, with descriptors that nobody took', () =>
    withPair(async (a, b) => {
      a.on('error', () => {});
      a.writeWithFds('one', [0]);
      a.writeWithFds('two', [0]);
      for await (const _ of b) break;
      a.writeWithFds('three', [0]);
      await settled(() => a.destroyed);
    }));

  test('finished, of one that ends and of one that is destroyed', () =>
    withPair(async (a, b) => {
      const ended = new Promise((resolve) => finished(b, (error) => resolve(error?.code)));
      b.resume();
      a.end();
      assert.equal(await ended, undefined);
      const [c, d] = UnixStream.pair();
      const destroyed = promises.finished(c);
      c.destroy();
      await assert.rejects(destroyed, { code: 'ERR_STREAM_PREMATURE_CLOSE' });
      d.destroy();
    }));

  test('addAbortSignal', () =>
    withPair(async (a) => {
      const controller = new AbortController();
      addAbortSignal(controller.signal, a);
      controller.abort(new Error('enough'));
      const [error] = await once(a, 'error');
      assert.deepEqual([error.code, error.cause.message], ['ABORT_ERR', 'enough']);
    }));

  test('using', async () => {
    const [a, b] = UnixStream.pair();
    {
      using stream = a;
      assert.ok(isOpen(stream.fd));
    }
    assert.ok(a.destroyed);
    b.resume();
    await once(b, 'close');
  });

  test('closeFds closes what was handed out', () =>
    withPair(async (a, b) => {
      a.writeWithFds('x', [0, 1]);
      const [fds] = await once(b, 'fds');
      b.closeFds(fds);
      assert.ok(!fds.some(isOpen));
    }));
});

suite('the life of a UnixStream', (test) => {
  test('it takes a socket or its number, and closes it', async () => {
    const [a, b] = UnixSocket.pair('stream');
    const { fd } = a;
    const streams = [new UnixStream(a), new UnixStream(b.detach())];
    assert.equal(streams[0]?.fd, fd);
    for (const stream of streams) stream.destroy();
    assert.equal(a.fd, -1);
    await once(streams[0] as UnixStream, 'close');
  });

  test('it refuses other sockets, which stay the caller’s', () => {
    for (const type of ['seqpacket', 'dgram'] as const) {
      const [a, b] = UnixSocket.pair(type);
      assertRefused(() => new UnixStream(a), BAD_TYPE);
      assertRefused(() => new UnixStream(a.fd), BAD_TYPE);
      a.destroy();
      assertRefused(() => new UnixStream(a), BAD_TYPE);
      b.destroy();
    }
    const [a, b] = UnixSocket.pair('stream');
    for (const bad of [{ allowHalfOpen: 1 }, { highWaterMark: '1' }, null, 5] as never[]) {
      assertRefused(() => new UnixStream(a, bad), BAD_TYPE);
      assertRefused(() => UnixStream.pair(bad), BAD_TYPE);
      assertRefused(() => UnixStream.connect('path', bad), BAD_TYPE);
    }
    for (const bad of [{ highWaterMark: 0 }, { maxFds: -1 }]) {
      assertRefused(() => new UnixStream(a, bad), BAD_RANGE);
      assertRefused(() => UnixStream.pair(bad), BAD_RANGE);
    }
    a.sendMessage('still works');
    assert.equal(`${b.recvMessage()?.data}`, 'still works');
    a.destroy();
    assertRefused(() => new UnixStream(a), [SyscallError, 'EBADF']);
    b.destroy();
    for (const bad of [undefined, null, '3', {}, 1.5, -1]) {
      assert.throws(() => new UnixStream(bad as never), /ERR_INVALID_ARG_TYPE|ERR_OUT_OF_RANGE|expected/);
    }
    assertRefused(() => new UnixStream(2 ** 31 - 1), [SyscallError, 'EBADF']);
  });

  test('a server’s connections become streams', () =>
    withFolder(async (folder) => {
      const path = `${folder}/socket`;
      const listener = UnixListener.listen(path, { type: 'stream' });
      const serving = (async () => {
        for await (const socket of listener) {
          const stream = new UnixStream(socket);
          stream.on('fds', (fds) => stream.writeWithFds('back', fds, () => fds.forEach(closeFD)));
          stream.resume();
        }
      })();
      const client = UnixStream.connect(path);
      client.writeWithFds('take this', [0]);
      const [fds] = await once(client, 'fds');
      assert.equal(`${(await once(client, 'data'))[0]}`, 'back');
      for (const fd of fds) closeFD(fd);
      client.end();
      await once(client, 'close');
      listener.destroy();
      await serving;
    }));

  test('connecting waits for room in the backlog', () =>
    withFullBacklog(async (path, listener) => {
      const stream = UnixStream.connect(path);
      stream.writeWithFds('x', [0]);
      await turn();
      assert.ok(stream.connecting);
      const accepted = [listener.accept(), await listener.acceptAsync()];
      assert.ok(!stream.connecting || (await once(stream, 'connect')));
      const message = await accepted[1]?.recvMessageAsync();
      assert.equal(`${message?.data}`, 'x');
      message?.[Symbol.dispose]();
      for (const socket of accepted) socket.destroy();
      stream.destroy();
    }));

  test('connecting is aborted, before it begins and while it waits', () =>
    withFullBacklog(async (path) => {
      const reason = new Error('enough');
      const controller = new AbortController();
      const waiting = UnixStream.connect(path, { signal: controller.signal });
      await turn();
      assert.ok(waiting.connecting);
      controller.abort(reason);
      const late = UnixStream.connect(path, { signal: controller.signal });
      const logs = [waiting, late].map((stream) => new Log(stream));
      await settled(() => logs.every(({ entries }) => entries.length === 2));
      for (const { entries } of logs) assert.deepEqual(entries, ['error enough', 'close true']);
      assert.deepEqual([waiting.errored, late.errored], [reason, reason]);
      assertRefused(() => UnixStream.connect(path, { signal: {} as never }), BAD_TYPE);
    }));

  test('a signal that aborts once it is connected does nothing', () =>
    withServer(async (path, accepted) => {
      const controller = new AbortController();
      const stream = UnixStream.connect(path, { signal: controller.signal });
      const peer = await accepted();
      if (stream.connecting) await once(stream, 'connect');
      controller.abort();
      peer.end('still there');
      assert.equal(await textOf(stream), 'still there');
    }));

  test('destroyed while it waits to connect, it keeps nothing alive', () =>
    withFullBacklog(async (path) => {
      const stream = UnixStream.connect(path);
      await turn();
      stream.destroy();
      assert.deepEqual(await once(stream, 'close'), [false]);
    }));

  test('a peer that always has sent more leaves the loop its turns', async () => {
    const [ours, theirs] = UnixSocket.pair('stream');
    const stream = new UnixStream(ours);
    const fill = (): void => {
      while (theirs.trySendMessage(Buffer.alloc(65_536)) !== undefined);
    };
    let reads = 0;
    stream.on('data', () => {
      if (++reads < 1000) fill();
    });
    fill();
    await once(stream, 'data');
    await turn();
    assert.ok(reads > 0 && reads < 100, `${reads} reads before the loop has turned`);
    stream.destroy();
    theirs.destroy();
  });

  test('a reset comes behind the data that came before it', async () => {
    const [a, b] = UnixStream.pair();
    const log = new Log(b).data(b);
    b.write('unread');
    await settled(() => b.writableLength === 0);
    a.pause();
    a.write('last words', () => a.destroy());
    await settled(() => b.closed && log.entries.length === 3);
    assert.deepEqual(log.entries, ['data last words', 'error ECONNRESET', 'close true']);
  });

  test('it keeps a process alive while it reads, unless unref was called', async () => {
    const { exit } = startFixture('stream-unref.ts');
    const { code, stdout, stderr } = await exit;
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'reads\nends\n', stderr: '' });
  });

  test('a listener that throws is an uncaught exception, and the stream goes on', async () => {
    const { exit } = startFixture('stream-throws.ts');
    const { code, stdout, stderr } = await exit;
    const caught = ['fds', 'data', 'write', 'connect'].map((name) => `uncaughtException ${name}`);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(stdout.trim().split('\n').sort(), [...caught, 'all 2'].sort());
  });
});

function* endless(): Generator<string> {
  for (;;) yield 'x'.repeat(10_000);
}
