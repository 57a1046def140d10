import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UnixListener } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { queuedBytes } from '../../src/libc/sockets.ts';
import { command, startCommand, untilThere } from '../support/command.ts';
import { SLOW } from '../support/installed.ts';
import { assertEnded, unlessEnded, withName } from '../support/named.ts';
import { NO_OTHER_USER, NOBODY, otherUser, type User } from '../support/other-user.ts';
import { pipe } from '../support/pipes.ts';
import { type Process, startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';

/** A process has failed: status 1, and one line. */
async function assertFailed(process: Process, line: RegExp): Promise<void> {
  const { code, stdout, stderr } = await process.exit;
  assert.deepEqual([code, stdout], [1, ''], stderr);
  assert.match(stderr, /^fdchannel: .*\n$/);
  assert.match(stderr, line);
}

/** Runs the body with a path in a folder that every user may write to, and with another user. */
async function withOpenFolder(body: (path: string, other: User) => Promise<void>): Promise<void> {
  const other = otherUser() ?? skip(NO_OTHER_USER);
  await withName(false, ({ ours }) => {
    chmodSync(dirname(ours), 0o777);
    return body(ours, other);
  });
}

suite('fdchannel between users', (test) => {
  test(
    'a file that only root may read is counted by another user’s wc',
    () =>
      withOpenFolder(async (path, other) => {
        const secret = join(dirname(path), 'secret');
        writeFileSync(secret, 'one\ntwo\n', { mode: 0o600 });
        const receiver = await startCommand(['receive', path, '--', 'wc', '-l'], other);
        await untilThere(receiver, path);
        const refused = startProcess('cat', [secret], other);
        assert.equal((await refused.exit).code, 1);
        await assertEnded(await startCommand(['send', path, secret]));
        await assertEnded(receiver, '2\n');
      }),
    SLOW,
  );

  test(
    'another user may not connect to a path',
    () =>
      withOpenFolder(async (path, other) => {
        const receiver = await startCommand(['receive', path, '--', 'cat']);
        await untilThere(receiver, path);
        assert.equal(lstatSync(path).mode & 0o777, 0o600);
        await assertFailed(await startCommand(['send', path], other), /EACCES/);
        await assertEnded(await startCommand(['send', path, '/dev/null']));
        await assertEnded(receiver);
      }),
    SLOW,
  );

  test(
    'another user’s connection to an abstract name is sent away, and the next one taken',
    () =>
      withName(true, async ({ ours }) => {
        const other = otherUser() ?? skip(NO_OTHER_USER);
        const place = ['--abstract', ours.slice(1)];
        const receiver = await startCommand(['receive', ...place, '--', 'echo', 'taken']);
        await untilThere(receiver, ours);
        await assertFailed(
          await startCommand(['send', ...place], other),
          /without taking|the channel has ended/,
        );
        await assertEnded(await startCommand(['send', ...place]));
        const { code, stdout, stderr } = await receiver.exit;
        assert.deepEqual([code, stdout], [0, 'taken\n']);
        assert.match(stderr, new RegExp(`^fdchannel: process \\d+ of user ${NOBODY} was sent away\n$`));
      }),
    SLOW,
  );
});

suite('fdchannel where something is wrong', (test) => {
  test(
    'a peer that is not there',
    () =>
      withName(false, async ({ ours }) => {
        await assertFailed(await startCommand(['send', ours]), /ENOENT/);
        await assertFailed(await startCommand(['send', '--abstract', ours]), /ECONNREFUSED/);
        await assertFailed(await startCommand(['receive', join(ours, 'deeper')]), /ENOENT|ENOTDIR/);
        await assertFailed(await startCommand(['receive', 'x'.repeat(200)]), /ENAMETOOLONG/);
      }),
    SLOW,
  );

  test(
    'a file that is not there is found out before anybody is told',
    () =>
      withName(false, async ({ ours }) => {
        const listener = UnixListener.listen(ours);
        try {
          await assertFailed(
            await startCommand(['send', ours, '/dev/null', '/nowhere']),
            /ENOENT.*\/nowhere/,
          );
          assert.equal(listener.tryAccept(), undefined);
        } finally {
          listener.destroy();
        }
      }),
    SLOW,
  );

  test(
    'more files than a message may have',
    () =>
      withName(false, async ({ ours }) => {
        const listener = UnixListener.listen(ours);
        try {
          const files = Array.from({ length: 254 }, () => '/dev/null');
          await assertFailed(await startCommand(['send', ours, ...files]), /at most 253/);
        } finally {
          listener.destroy();
        }
      }),
    SLOW,
  );

  test(
    'a receiver that closes without taking',
    () =>
      withName(false, async ({ ours }) => {
        const listener = UnixListener.listen(ours);
        const sender = await startCommand(['send', ours, '/dev/null']);
        try {
          const connection = await unlessEnded(sender, listener.acceptAsync());
          while (queuedBytes(libc(), connection.fd) === 0) await delay(1);
          connection.destroy();
        } finally {
          listener.destroy();
        }
        await assertFailed(sender, /without taking/);
      }),
    SLOW,
  );

  test(
    'a receiver at its limit of open files',
    () =>
      withName(false, async ({ ours }) => {
        const words = await command('receive', ours);
        const receiver = startProcess('sh', ['-c', 'ulimit -n 60; exec "$@"', 'sh', ...words]);
        await untilThere(receiver, ours);
        await assertEnded(
          await startCommand(['send', ours, ...Array.from({ length: 100 }, () => '/dev/null')]),
        );
        await assertFailed(receiver, /limit of open files/);
      }),
    SLOW,
  );

  test(
    'a socket that was left behind is replaced, and one that is used is not',
    () =>
      withName(false, async ({ ours }) => {
        const killed = await startCommand(['receive', ours]);
        await untilThere(killed, ours);
        await assertFailed(await startCommand(['receive', ours]), /EADDRINUSE/);
        killed.child.kill('SIGKILL');
        await killed.exit;
        assert.ok(existsSync(ours));
        const receiver = await startCommand(['receive', ours, '--', 'echo', 'taken']);
        await untilThere(receiver, ours);
        await assertEnded(await startCommand(['send', ours]));
        await assertEnded(receiver, 'taken\n');
        assert.ok(!existsSync(ours));
      }),
    SLOW,
  );

  test(
    'a file that is no socket is left alone',
    () =>
      withName(false, async ({ ours }) => {
        writeFileSync(ours, 'precious');
        await assertFailed(await startCommand(['receive', ours]), /EADDRINUSE/);
        rmSync(ours);
        symlinkSync('/dev/null', ours);
        await assertFailed(await startCommand(['receive', ours]), /EADDRINUSE/);
        assert.ok(lstatSync(ours).isSymbolicLink());
      }),
    SLOW,
  );

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    for (const type of ['seqpacket', 'dgram'] as const) {
      test(
        `${signal} ends a receiver as it ends any process, and its path goes, ${type}`,
        () =>
          withName(false, async ({ ours }) => {
            const receiver = await startCommand(['receive', ours, '--type', type]);
            await untilThere(receiver, ours, type);
            receiver.child.kill(signal);
            const exit = await receiver.exit;
            assert.deepEqual([exit.signal, exit.stderr], [signal, '']);
            assert.ok(!existsSync(ours));
          }),
        SLOW,
      );
    }
  }

  test(
    'the signal that would end it goes to the command, whose status it gives',
    () =>
      withName(false, async ({ ours }) => {
        const script = 'trap "exit 5" TERM; echo ready; while :; do sleep 0.01; done';
        for (const [signal, run, status] of [
          ['SIGTERM', ['sh', '-c', script], 5],
          ['SIGTERM', ['sh', '-c', 'echo ready; exec cat'], 128 + 15],
          ['SIGHUP', ['sh', '-c', 'echo ready; exec cat'], 128 + 1],
        ] as const) {
          const receiver = await startCommand(['receive', ours, '--exec', '--', ...run]);
          await untilThere(receiver, ours);
          await assertEnded(await startCommand(['send', ours]));
          assert.equal(await receiver.line(), 'ready');
          receiver.child.kill(signal);
          assert.equal((await receiver.exit).code, status);
        }
      }),
    SLOW,
  );

  test(
    'a command that is not found, and one that cannot be run',
    () =>
      withName(false, async ({ ours }) => {
        for (const [file, status] of [
          ['no-such-command', 127],
          ['/', 126],
        ] as const) {
          const receiver = await startCommand(['receive', ours, '--', file]);
          await untilThere(receiver, ours);
          await assertEnded(await startCommand(['send', ours]));
          const { code, stderr } = await receiver.exit;
          assert.equal(code, status);
          assert.match(stderr, /^fdchannel: .* cannot be run: [A-Z]+\n$/);
        }
      }),
    SLOW,
  );

  test(
    'what a command closes is closed, though it runs on',
    () =>
      withName(false, async ({ ours }) => {
        const script = 'exec 0<&-; echo closed; while :; do sleep 0.01; done';
        const receiver = await startCommand(['receive', ours, '--', 'sh', '-c', script]);
        await untilThere(receiver, ours);
        const [read, write] = pipe();
        try {
          const words = await command('send', ours);
          const options = { fds: [write] };
          await assertEnded(startProcess('sh', ['-c', 'exec "$@" <&3 3<&-', 'sh', ...words], options));
          closeSync(write);
          assert.equal(await receiver.line(), 'closed');
          while (!atEnd(read)) await delay(1);
        } finally {
          closeSync(read);
        }
        receiver.child.kill('SIGTERM');
        assert.equal((await receiver.exit).code, 128 + 15, 'it ran until now');
      }),
    SLOW,
  );
});

/** Whether nobody has the other end of an empty pipe. */
function atEnd(pipe: number): boolean {
  try {
    return readSync(pipe, Buffer.alloc(1)) === 0;
  } catch (error) {
    assert.equal(Reflect.get(error as object, 'code'), 'EAGAIN');
    return false;
  }
}
