import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { UnixSocket } from '../../src/index.ts';
import { installed, SLOW } from '../support/installed.ts';
import { assertEnded, onceThere } from '../support/named.ts';
import { NO_OTHER_USER, NOBODY, otherUser } from '../support/other-user.ts';
import { recipes } from '../support/readme.ts';
import { skip, suite } from '../support/suite.ts';
import { freePort, withRecipes } from './recipes.ts';

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';

suite('recipes for processes', (test) => {
  test(
    'two terminals meet at a path, again and again, also after the receiver was killed',
    () =>
      withRecipes(async (start, folder) => {
        const lines = `Here is a file: ${recipes.get('send.mjs')}`.split('\n');
        for (const times of [2, 1]) {
          const receiver = start('receive.mjs');
          const visitor = await onceThere(receiver, async () =>
            UnixSocket.connect(join(folder, 'example.sock')),
          );
          visitor.destroy();
          for (let i = 0; i < times; i++) {
            await assertEnded(start('send.mjs'));
            for (const line of lines) assert.equal(await receiver.line(), line);
          }
          receiver.child.kill('SIGKILL');
          await receiver.exit;
        }
      }),
    SLOW,
  );

  test(
    'a connection goes on in the worker when the process that accepted it is gone',
    () =>
      withRecipes(async (start) => {
        const port = await freePort();
        const front = start('front.mjs', { env: { PORT: String(port) } });
        await front.line();
        const client = connect(port, '127.0.0.1').setEncoding('utf8');
        let text = '';
        client.on('data', (part: string) => {
          text += part;
        });
        while (!text.endsWith('answers\n')) await once(client, 'data');
        const [, worker] = /process (\d+) answers/.exec(text) ?? [];
        assert.notEqual(Number(worker), front.pid);
        front.child.kill('SIGKILL');
        await front.exit;
        client.end('still there?');
        await once(client, 'close');
        assert.equal(text, `process ${worker} answers\nstill there?`);
      }),
    SLOW,
  );

  test(
    'an unprivileged process reads a file that only the opener may open',
    () =>
      withRecipes(async (start, folder) => {
        const user = otherUser() ?? skip(NO_OTHER_USER);
        for (const path of [folder, dirname(await installed())]) chmodSync(path, 0o755);
        const secret = join(folder, 'secret.txt');
        writeFileSync(secret, 'a secret', { mode: 0o600 });
        const program = `require('fs').readFileSync(${JSON.stringify(secret)})`;
        const refused = spawnSync(process.execPath, ['-e', program], { ...user, encoding: 'utf8' });
        assert.match(refused.stderr, /EACCES/);

        const opener = start('opener.mjs');
        const path = join(folder, 'opener.sock');
        const visitor = await onceThere(opener, async () => UnixSocket.connect(path));
        assert.equal(await opener.line(), 'user 0 connected');
        visitor.sendMessage('../etc/shadow');
        const answer = await visitor.recvMessageAsync();
        assert.deepEqual([answer?.data.toString(), answer?.fds], ['no such file', []]);
        visitor.destroy();
        await assertEnded(start('reader.mjs', user), `user ${NOBODY} reads: a secret\n`);
        assert.equal(await opener.line(), `user ${NOBODY} connected`);
      }),
    SLOW,
  );

  test(
    'a child of fork receives beside its own channel',
    () =>
      withRecipes(async (start) => {
        const { length } = recipes.get('fork.mjs') as string;
        await assertEnded(start('fork.mjs'), `the child read ${length} characters\n`);
      }),
    SLOW,
  );

  test(
    'visitors share a file in memory',
    () =>
      withRecipes(async (start, folder) => {
        if (!existsSync(MEMORY)) skip(`${MEMORY} is not there: this is for Linux`);
        const sharing = start('memory.mjs');
        const path = join(folder, 'memory.sock');
        (await onceThere(sharing, async () => UnixSocket.connect(path))).destroy();
        for (const count of [1, 2, 3]) await assertEnded(start('visitor.mjs'), `visitor ${count}\n`);
      }),
    SLOW,
  );
});

suite('recipes within a process', (test) => {
  test(
    'a received descriptor becomes a stream, a server and a socket',
    () =>
      withRecipes(async (start) => {
        const { stdout, code, stderr } = await start('received.mjs').exit;
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        const { length } = Buffer.from(recipes.get('received.mjs') as string);
        const lines = stdout.trimEnd().split('\n').sort();
        assert.deepEqual(lines, [`${length} bytes of a file`, 'hello from a server']);
      }),
    SLOW,
  );

  test(
    'a worker thread receives what the main thread sends',
    () =>
      withRecipes(async (start) => {
        const sizes = [
          readFileSync('/etc/hosts').length,
          Buffer.byteLength(recipes.get('threads.mjs') ?? ''),
        ];
        await assertEnded(start('threads.mjs'), sizes.map((size) => `${size} bytes\n`).join(''));
      }),
    SLOW,
  );

  test(
    'a stream carries descriptors with its bytes',
    () =>
      withRecipes(async (start) => {
        await assertEnded(
          start('stream.mjs'),
          'these bytes come with two descriptors, and these with none\n',
        );
      }),
    SLOW,
  );
});
