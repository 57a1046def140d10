import assert from 'node:assert/strict';
import { closeSync, fstatSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UnixListener, UnixSocket } from '../../src/index.ts';
import { command, startCommand, untilThere } from '../support/command.ts';
import { temporaryFile } from '../support/files.ts';
import { SLOW } from '../support/installed.ts';
import { assertEnded, onceThere, unlessEnded, withName } from '../support/named.ts';
import { type Process, startProcess } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const TYPES = ['seqpacket', 'stream', 'dgram'] as const;

/** Sends to a receiver that is about to listen. */
async function sent(receiver: Process, path: string, ...words: readonly string[]): Promise<void> {
  await untilThere(receiver, path);
  await assertEnded(await startCommand(['send', path, ...words]));
}

/** Runs the body with a path, and files of these contents beside it. */
async function withFiles(
  contents: readonly string[],
  body: (path: string, ...files: string[]) => Promise<void>,
): Promise<void> {
  await withName(false, async ({ ours }) => {
    const files = contents.map((text, i) => {
      const file = join(dirname(ours), `file-${i}`);
      writeFileSync(file, text);
      return file;
    });
    await body(ours, ...files);
  });
}

suite('fdchannel receive and send', (test) => {
  test(
    'a command gets the first file as its standard input, the others as 3, 4, and gives its status',
    () =>
      withFiles(['first\n', 'second\n', 'third\n'], async (path, ...files) => {
        const script = 'cat; cat <&3; cat <&4; (: <&5) 2>/dev/null || echo none; exit 7';
        const receiver = await startCommand(['receive', path, '--', 'sh', '-c', script]);
        await sent(receiver, path, ...files);
        const { code, stdout, stderr } = await receiver.exit;
        assert.deepEqual(
          { code, stdout, stderr },
          { code: 7, stdout: 'first\nsecond\nthird\nnone\n', stderr: '' },
        );
      }),
    SLOW,
  );

  test(
    'with --exec all files are 3, 4, and standard input stays',
    () =>
      withFiles(['first\n', 'second\n'], async (path, ...files) => {
        const receiver = await startCommand([
          'receive',
          '--exec',
          path,
          '--',
          'sh',
          '-c',
          'cat; cat <&3; cat <&4',
        ]);
        receiver.stdin.end('typed\n');
        await sent(receiver, path, ...files);
        await assertEnded(receiver, 'typed\nfirst\nsecond\n');
      }),
    SLOW,
  );

  for (const type of TYPES) {
    test(
      `prints what came, ${type}`,
      () =>
        withFiles(['four'], async (path, file) => {
          const receiver = await startCommand(['receive', path, '--type', type]);
          await untilThere(receiver, path, type);
          const words = ['send', path, '--type', type, file as string, dirname(path), '/dev/null'];
          await assertEnded(await startCommand(words));
          const { code, stdout, stderr } = await receiver.exit;
          const lines = stdout.split('\n');
          if (type !== 'dgram')
            assert.match(
              lines.shift() ?? '',
              new RegExp(`^from process \\d+ of user ${process.geteuid?.()}$`),
            );
          const identity = (of: string) => `device ${statSync(of).dev}, inode ${statSync(of).ino}`;
          const told = process.platform === 'linux';
          const named = (name: string | undefined) => (told ? ` ${name}` : '');
          const reading = told ? ', open for reading' : '';
          assert.deepEqual(lines, [
            `file${named(file)}, 4 bytes${reading}, ${identity(file as string)}`,
            `directory${named(dirname(path))}${reading}, ${identity(dirname(path))}`,
            `character device${named('/dev/null')}${reading}, ${identity('/dev/null')}`,
            '',
          ]);
          assert.deepEqual([code, stderr], [0, '']);
        }),
      SLOW,
    );
  }

  test(
    'passes its own standard input as the shell has opened it, by an abstract name',
    () =>
      withName(true, async ({ theirs }) => {
        const name = theirs.slice(1);
        const receiver = await startCommand(['receive', '--abstract', name]);
        const file = temporaryFile('12345');
        try {
          const words = await command('send', '--abstract', name);
          await untilThere(receiver, `\0${name}`);
          await assertEnded(startProcess('sh', ['-c', 'exec "$@" <&3', 'sh', ...words], { fds: [file] }));
          const { stdout, stderr } = await receiver.exit;
          assert.equal(stderr, '');
          const access = ', open for reading and writing';
          assert.ok(
            stdout.includes(
              `, 5 bytes${access}, device ${fstatSync(file).dev}, inode ${fstatSync(file).ino}\n`,
            ),
          );
        } finally {
          closeSync(file);
        }
      }),
    SLOW,
  );

  test(
    'a file that is read on where the sender has stopped is one open file',
    () =>
      withFiles(['first line\nsecond line\n'], async (path, file) => {
        const receiver = await startCommand(['receive', path, '--', 'cat']);
        await untilThere(receiver, path);
        // dd takes the first line only, byte by byte.
        const script = 'exec <"$0"; read -r line; echo "$line"; exec "$@"';
        const sender = startProcess('sh', ['-c', script, file as string, ...(await command('send', path))]);
        await assertEnded(sender, 'first line\n');
        await assertEnded(receiver, 'second line\n');
      }),
    SLOW,
  );

  test(
    'a connection of another program that passes nothing is not what it waits for',
    () =>
      withFiles(['text'], async (path, file) => {
        const receiver = await startCommand(['receive', path, '--', 'cat']);
        const visitor = await onceThere(receiver, async () => UnixSocket.connect(path));
        visitor.sendMessage('no descriptor');
        visitor.destroy();
        await sent(receiver, path, file as string);
        await assertEnded(receiver, 'text');
      }),
    SLOW,
  );

  test(
    'Python’s send_fds and recv_fds are the other side',
    () =>
      withFiles(['text'], async (path, file) => {
        const python = (script: string) => {
          const start = 'import os, socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)\n';
          return startProcess('python3', ['-c', start + script, path, file as string]);
        };
        const receiver = await startCommand(['receive', path, '--type', 'stream', '--', 'cat']);
        await untilThere(receiver, path, 'stream');
        const sends = 's.connect(sys.argv[1])\nsocket.send_fds(s, [b"x"], [os.open(sys.argv[2], 0)])\n';
        await assertEnded(python(sends));
        await assertEnded(receiver, 'text');

        const peer = python(
          's.bind(sys.argv[1])\ns.listen()\nprint("listening", flush=True)\nc, _ = s.accept()\n' +
            'data, fds, _, _ = socket.recv_fds(c, 10, 10)\nprint(len(data), os.read(fds[0], 10))\n',
        );
        assert.equal(await peer.line(), 'listening');
        await assertEnded(await startCommand(['send', path, '--type', 'stream', file as string]));
        await assertEnded(peer, "listening\n1 b'text'\n");
      }),
    SLOW,
  );

  test(
    'send ends when the receiver has taken the files, and not before',
    () =>
      withFiles(['text'], async (path, file) => {
        const listener = UnixListener.listen(path);
        try {
          const sender = await startCommand(['send', path, file as string]);
          const connection = await unlessEnded(sender, listener.acceptAsync());
          const message = await unlessEnded(sender, connection.recvMessageAsync());
          assert.equal(message?.fds.length, 1);
          message?.[Symbol.dispose]();
          // The end of what it sends has come: it waits for ours.
          assert.equal(await connection.recvMessageAsync(), null);
          assert.equal(sender.child.exitCode, null);
          connection.destroy();
          await assertEnded(sender);
        } finally {
          listener.destroy();
        }
      }),
    SLOW,
  );
});
