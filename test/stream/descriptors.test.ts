import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD, SyscallError, UnixSocket, UnixStream, type UnixStreamOptions } from '../../src/index.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { isOpen, openDescriptors, sameFile } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE } from '../support/refusals.ts';
import { settled, withFolder } from '../support/streams.ts';
import { suite } from '../support/suite.ts';

/** A number that no limit allows. */
const NEVER_OPEN = 2 ** 31 - 1;

type Body = (a: UnixStream, b: UnixStream, files: readonly number[]) => unknown;

/** Two connected streams and some files. */
async function withPair(body: Body, options?: UnixStreamOptions): Promise<void> {
  const files = Array.from({ length: 4 }, (_, i) => temporaryFile(`file ${i}`));
  const [a, b] = UnixStream.pair(options);
  try {
    await withDescriptors(files, () => body(a, b, files));
  } finally {
    a.destroy();
    b.destroy();
  }
}

/** A stream, and a plain socket at its other end. */
async function withSocket(
  body: (stream: UnixStream, socket: UnixSocket, file: number) => unknown,
): Promise<void> {
  const [ours, theirs] = UnixSocket.pair('stream');
  const stream = new UnixStream(ours);
  const file = temporaryFile('file');
  try {
    await withDescriptors([file], () => body(stream, theirs, file));
  } finally {
    stream.destroy();
    theirs.destroy();
  }
}

/** Which of the files descriptors refer to; closes them. */
function indices(files: readonly number[], fds: readonly number[]): number[] {
  return fds.map((fd) => {
    const index = files.findIndex((file) => sameFile(file, fd));
    closeFD(fd);
    return index;
  });
}

/** Notes down descriptors, by their files, and data. */
function note(stream: UnixStream, files: readonly number[], log: string[] = []): string[] {
  stream.on('fds', (fds: number[]) => log.push(`fds ${indices(files, fds)}`));
  stream.on('data', (data: Buffer) => log.push(`${data}`));
  return log;
}

suite('descriptors of a UnixStream', (test) => {
  test('come before their bytes, in order, whatever is closed meanwhile', () =>
    withPair(async (a, b, files) => {
      const log = note(b, files);
      const copy = temporaryFile();
      a.writeWithFds('x', [copy]);
      closeSync(copy);
      a.writeWithFds('both', [files[0] as number, { fd: files[1] as number }]);
      a.write('none');
      a.end();
      await once(b, 'end');
      assert.deepEqual(log, ['fds -1', 'x', 'fds 0,1', 'both', 'none']);
    }));

  test('never join those of another message, nor its bytes, through a cork', () =>
    withSocket(async (stream, socket, file) => {
      stream.cork();
      const written: Promise<unknown>[] = [];
      for (const text of ['one', 'two', 'three']) {
        stream.write('plain ');
        written.push(new Promise((resolve) => stream.writeWithFds(text, [file], resolve)));
        stream.write(' more');
      }
      assert.equal(socket.tryRecvMessage(), undefined);
      stream.uncork();
      assert.ok((await Promise.all(written)).every((error) => !error));
      const messages: string[] = [];
      for (;;) {
        const message = socket.tryRecvMessage();
        if (!message) break;
        messages.push(`${message.data} ${message.fds.length}`);
        message[Symbol.dispose]();
      }
      // The kernel joins bytes to descriptors that follow them, and nothing to descriptors before.
      assert.deepEqual(messages, ['plain one 1', ' moreplain two 1', ' moreplain three 1', ' more 0']);
    }));

  test('are kept for whoever listens late, and then come first', () =>
    withPair(async (a, b, files) => {
      a.writeWithFds('1', [files[1] as number]);
      a.writeWithFds('2', [files[2] as number]);
      await settled(() => b.waitingFds === 2);
      const log: string[] = [];
      b.on('data', (data) => log.push(`${data}`));
      note(b, files, log);
      await once(b, 'data');
      assert.deepEqual(log.slice(0, 2), ['fds 1', 'fds 2']);
      assert.equal(b.waitingFds, 0);
    }));

  test('are kept for whoever listens when nothing is left to be read', () =>
    withPair(async (a, b, files) => {
      b.resume();
      a.writeWithFds('1', [files[3] as number]);
      await settled(() => b.waitingFds === 1 && b.bytesRead === 1);
      const [fds] = await once(b, 'fds');
      assert.deepEqual(indices(files, fds), [3]);
    }));

  test('are there when read() gives their bytes', () =>
    withPair(async (a, b, files) => {
      a.writeWithFds('1', [files[0] as number]);
      await settled(() => b.readableLength === 1);
      const log: string[] = [];
      b.on('fds', (fds) => log.push(`fds ${indices(files, fds)}`));
      log.push(`${b.read()}`);
      assert.deepEqual(log, ['fds 0', '1']);
    }));

  test('come while the stream is paused, as dbus-native wants', () =>
    withPair(async (a, b, files) => {
      b.pause();
      const arrived = once(b, 'fds');
      a.write('a message before, ');
      a.writeWithFds('a message', [files[0] as number]);
      assert.deepEqual(indices(files, (await arrived)[0]), [0]);
      assert.equal(b.readableLength > 0, true);
    }));

  test('takeFds takes them in order', () =>
    withPair(async (a, b, files) => {
      for (const file of files) a.writeWithFds('x', [file]);
      await settled(() => b.waitingFds === files.length);
      assert.deepEqual(indices(files, b.takeFds(0)), []);
      assert.deepEqual(indices(files, b.takeFds(1)), [0]);
      assert.deepEqual(indices(files, b.takeFds(2)), [1, 2]);
      assert.equal(b.waitingFds, 1);
      assert.deepEqual(indices(files, b.takeFds()), [3]);
      assert.deepEqual(b.takeFds(), []);
      for (const bad of [-1, 0.5, 2 ** 31]) assertRefused(() => b.takeFds(bad), BAD_RANGE);
      assertRefused(() => b.takeFds('1' as never), BAD_TYPE);
    }));

  test('more than maxFds that nobody takes end the stream', () =>
    withPair(
      async (a, b, files) => {
        a.on('error', () => {});
        for (const file of files) a.writeWithFds('x', [file]);
        const [error] = await once(b, 'error');
        assert.equal(error.code, 'ERR_FDCHANNEL_UNCLAIMED');
        const [hadError] = await once(b, 'close');
        assert.equal(hadError, true);
        assert.deepEqual(b.takeFds(), []);
      },
      { maxFds: 3 },
    ));

  test('as many as anybody wants come with maxFds 0 to who listens', () =>
    withPair(
      async (a, b, files) => {
        const log = note(b, files);
        for (const file of files) a.writeWithFds('x', [file]);
        a.end();
        await once(b, 'end');
        assert.deepEqual(log, ['fds 0', 'x', 'fds 1', 'x', 'fds 2', 'x', 'fds 3', 'x']);
      },
      { maxFds: 0 },
    ));

  test('destroy closes what nobody took, and what was not sent', () =>
    withPair(async (a, b, files) => {
      // The leak check of the suite tells; here are some in each place that they can be in.
      a.writeWithFds('taken in', [files[0] as number]);
      await settled(() => b.waitingFds === 1);
      b.pause();
      a.write(Buffer.alloc(2_000_000));
      const codes = [1, 2, 3].map(
        (i) =>
          new Promise((resolve) =>
            a.writeWithFds('unsent', [files[i] as number], (error) =>
              resolve(Reflect.get(error ?? {}, 'code')),
            ),
          ),
      );
      await turn();
      a.destroy();
      b.destroy();
      assert.deepEqual(await Promise.all(codes), new Array(3).fill('ERR_STREAM_DESTROYED'));
    }));

  test('destroyed in the very middle of a message, either end leaves nothing', () =>
    withPair(async (a, b, files) => {
      const code = new Promise((resolve) =>
        a.writeWithFds(Buffer.alloc(2_000_000), [files[0] as number], (error) =>
          resolve(Reflect.get(error ?? {}, 'code')),
        ),
      );
      await once(b, 'readable');
      assert.equal(b.waitingFds, 1);
      b.destroy();
      const [error] = await once(a, 'error');
      assert.match(error.code, /EPIPE|ECONNRESET/);
      assert.equal(await code, error.code);
    }));

  test('written after the end, or after destroy, they are not kept', () =>
    withPair(async (a, b, files) => {
      const write = (stream: UnixStream): Promise<unknown> =>
        new Promise((resolve) => {
          assert.equal(
            stream.writeWithFds('x', [files[0] as number], (error) =>
              resolve(Reflect.get(error ?? {}, 'code')),
            ),
            false,
          );
        });
      a.on('error', () => {});
      a.end();
      assert.equal(await write(a), 'ERR_STREAM_WRITE_AFTER_END');
      b.destroy();
      assert.equal(await write(b), 'ERR_STREAM_DESTROYED');
    }));

  test('written before the connection stands, they go afterwards, or are dropped with it', () =>
    withFolder(async (folder) => {
      const stream = UnixStream.connect(`${folder}/none`);
      const file = temporaryFile();
      const code = new Promise((resolve) =>
        stream.writeWithFds('x', [file], (error) => resolve(Reflect.get(error ?? {}, 'code'))),
      );
      closeSync(file);
      const [error] = await once(stream, 'error');
      assert.deepEqual([error.code, error.syscall, error.address], ['ENOENT', 'connect', `${folder}/none`]);
      assert.equal(await code, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION');
    }));

  test('an fds handler that destroys the stream owns what it was given', () =>
    withPair(async (a, b, files) => {
      const log: string[] = [];
      b.on('data', () => log.push('data'));
      b.on('fds', (fds) => {
        b.destroy();
        log.push(`fds ${fds.every(isOpen)} ${indices(files, fds)}`);
      });
      a.on('error', () => {});
      a.writeWithFds('x', [files[0] as number]);
      a.writeWithFds('x', [files[1] as number]);
      await once(b, 'close');
      assert.deepEqual(log, ['fds true 0']);
    }));

  test('that go at once are not duplicated; those that have to wait are, until they are sent', () =>
    withPair(async (a, b, files) => {
      const log = note(b, files);
      const before = openDescriptors();
      a.writeWithFds('at once', [files[0] as number]);
      assert.deepEqual(openDescriptors(), before);
      a.cork();
      a.writeWithFds('behind it', [files[1] as number]);
      assert.equal(openDescriptors().size, before.size + 1);
      a.uncork();
      await settled(() => a.writableLength === 0 && log.length === 4);
      assert.deepEqual(openDescriptors(), before);
      assert.deepEqual(log, ['fds 0', 'at once', 'fds 1', 'behind it']);
    }));

  test('for a peer that is gone come back as an error, once', () =>
    withPair(
      async (a, b, files) => {
        b.destroy();
        const log: unknown[] = [];
        a.on('error', ({ code }: NodeJS.ErrnoException) => log.push(code));
        for (const name of ['first', 'second']) {
          a.writeWithFds(name, [files[0] as number], (error) =>
            log.push(name, Reflect.get(error ?? {}, 'code')),
          );
        }
        await settled(() => a.closed && log.length === 5);
        assert.deepEqual(log, ['first', 'EPIPE', 'second', 'EPIPE', 'EPIPE']);
      },
      { allowHalfOpen: true },
    ));

  test('253 go with a message, and not one more', () =>
    withPair(async (a, b, files) => {
      const most = new Array(253).fill(files[0]);
      a.writeWithFds('x', most);
      const [fds] = await once(b, 'fds');
      assert.deepEqual(indices(files, fds), new Array(253).fill(0));
      assertRefused(() => a.writeWithFds('x', [...most, files[0]]), BAD_RANGE);
    }));

  test('bad arguments are refused before anything is written', () =>
    withPair((a, b, files) => {
      const file = files[0] as number;
      for (const bytes of [undefined, null, 5, {}, ['x'], new ArrayBuffer(1)]) {
        assertRefused(() => a.writeWithFds(bytes as never, [file]), BAD_TYPE);
      }
      for (const bytes of ['', new Uint8Array()]) {
        assertRefused(() => a.writeWithFds(bytes, [file]), [TypeError, 'ERR_INVALID_ARG_VALUE']);
      }
      for (const fds of [undefined, null, file, 'x'])
        assertRefused(() => a.writeWithFds('x', fds as never), BAD_TYPE);
      assertRefused(() => a.writeWithFds('x', [-1]), BAD_RANGE);
      // The duplicate of the first is closed when the second fails.
      assertRefused(() => a.writeWithFds('x', [file, NEVER_OPEN]), [SyscallError, 'EBADF']);
      assert.equal(a.writableLength + b.readableLength, 0);
      assert.equal(a.destroyed, false);
    }));

  test('the same buffer is written twice, with other descriptors', () =>
    withPair(async (a, b, files) => {
      const log = note(b, files);
      const bytes = Buffer.from('same');
      a.cork();
      a.writeWithFds(bytes, [files[0] as number]);
      a.write(bytes);
      a.writeWithFds(bytes, [files[1] as number]);
      a.end();
      await once(b, 'end');
      assert.equal(log.filter((line) => line.startsWith('fds')).join(), 'fds 0,fds 1');
      assert.equal(log.filter((line) => !line.startsWith('fds')).join(''), 'samesamesame');
    }));

  test('a UnixSocket sends to a stream, and receives from it', () =>
    withSocket(async (stream, socket, file) => {
      const log = note(stream, [file]);
      socket.sendMessage('to the stream', [file]);
      await once(stream, 'data');
      assert.deepEqual(log, ['fds 0', 'to the stream']);
      stream.writeWithFds('from the stream', [file]);
      const message = socket.recvMessage(WITHIN_SECONDS);
      assert.equal(`${message?.data}`, 'from the stream');
      assert.deepEqual(indices([file], message?.fds.splice(0) ?? []), [0]);
    }));

  test('that cannot be installed end the stream with an error', async () => {
    const { exit } = startFixture('stream-at-limit.ts', {
      prefix: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'],
    });
    const { code, stdout, stderr } = await exit;
    assert.deepEqual(
      { code, stdout, stderr },
      { code: 0, stdout: 'ERR_FDCHANNEL_CONTROL_TRUNCATED true\n', stderr: '' },
    );
  });
});
