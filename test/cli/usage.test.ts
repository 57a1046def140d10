import assert from 'node:assert/strict';
import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, startCommand, untilThere } from '../support/command.ts';
import { ROOT, SLOW } from '../support/installed.ts';
import { assertEnded, withName } from '../support/named.ts';
import { pipe } from '../support/pipes.ts';
import { startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';

const MEANINGLESS: readonly [words: readonly string[], said: RegExp][] = [
  [['bogus'], /unknown word: bogus/],
  [['--bogus'], /Unknown option '--bogus'$/],
  [['-x'], /Unknown option '-x'$/],
  [['--type', 'stream'], /receive or send\?/],
  [['--'], /receive or send\?/],
  [['receive'], /receive: no address/],
  [['receive', ''], /receive: no address/],
  [['receive', '--', 'cat'], /receive: no address/],
  [['receive', 'a', 'cat'], /unknown word: cat/],
  [['receive', 'a', 'b', '--', 'cat'], /unknown word: b/],
  [['receive', 'a', '--'], /no command behind --/],
  [['receive', 'a', '--exec'], /no command behind --/],
  [['receive', 'a', '--exec=yes'], /--exec/],
  [['receive', 'a', '--type'], /--type/],
  [['receive', 'a', '--type', 'tcp'], /unknown type: tcp/],
  [['receive', 'a', '--abstract', '--type', 'dgram'], /does not say whose/],
  [['send'], /send: no address/],
  [['send', 'a', '--exec'], /--exec is for receive/],
  [['send', 'a', '--type', ''], /unknown type/],
  [['send', 'a', '-r'], /Unknown option '-r'$/],
];

/** Runs a script of the shell that has the command as its "$@", and descriptors. */
async function shell(script: string, words: readonly string[], fds: readonly number[] = []) {
  return startProcess('sh', ['-c', script, 'sh', ...(await command(...words))], { fds });
}

suite('the command line', (test) => {
  test(
    'words that mean nothing are answered by the usage, and status 2',
    async () => {
      for (const [words, said] of MEANINGLESS) {
        const { code, stdout, stderr } = await (await startCommand(words)).exit;
        assert.deepEqual([code, stdout], [2, ''], words.join(' '));
        const [first = '', ...others] = stderr.split('\n');
        assert.match(first, /^fdchannel: /);
        assert.match(first, said);
        assert.match(others.join('\n'), /^Usage:\n/);
      }
    },
    SLOW,
  );

  test(
    '--help explains, wherever it stands, and fits a terminal',
    async () => {
      for (const words of [['--help'], ['receive', '--help'], ['send', 'a', '--help']]) {
        const { code, stdout, stderr } = await (await startCommand(words)).exit;
        assert.deepEqual([code, stderr], [0, '']);
        assert.match(stdout, /^Usage:\n.*--exec.*--type.*--abstract/s);
        for (const line of stdout.split('\n')) assert.ok(line.length <= 110, line);
      }
    },
    SLOW,
  );

  test(
    '--version is the package’s',
    async () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      await assertEnded(await startCommand(['--version']), `${version}\n`);
    },
    SLOW,
  );

  test(
    'a pipe that nobody reads ends it, and its child, without a word',
    async () => {
      for (const words of [['--help'], ['--version'], []]) {
        const [read, write] = pipe();
        closeSync(read);
        // cat ends with the last process that could say something.
        const run = await shell('{ "$@" 2>&1 >&3 3>&-; echo "status $?"; } | cat', words, [write]);
        closeSync(write);
        await assertEnded(run, 'status 0\n');
      }
    },
    SLOW,
  );

  test(
    'a pipe that nobody reads ends a receiver that prints, without a word',
    () =>
      withName(false, async ({ ours }) => {
        const [read, write] = pipe();
        closeSync(read);
        const run = await shell('"$@" 2>&1 >&3 3>&-; echo "status $?"', ['receive', ours], [write]);
        closeSync(write);
        await untilThere(run, ours);
        await assertEnded(await startCommand(['send', ours]));
        await assertEnded(run, 'status 0\n');
      }),
    SLOW,
  );
});

suite('the demonstration', (test) => {
  test(
    'says at the end what was shown, and shows it',
    async () => {
      const { code, stdout, stderr } = await (await startCommand([])).exit;
      assert.deepEqual([code, stderr], [0, '']);
      assert.ok(!stdout.includes('\x1b'), 'colours are for terminals');
      const inodes = (said: string) =>
        [...stdout.matchAll(new RegExp(`^(\\w+) +(\\d+)  ${said}.*inode (\\d+)`, 'gm'))].map((found) =>
          found.slice(1),
        );
      const [[parent = '', sender = '', sent = ''] = []] = inodes('sends descriptor');
      const [[child = '', receiver = '', received = ''] = []] = inodes('received it');
      assert.deepEqual([parent, child, received], ['parent', 'child', sent]);
      assert.notEqual(sender, receiver);
      assert.match(stdout, /^parent \d+ {2}same inode: one open file, two processes\n$(?![\s\S])/m);
    },
    SLOW,
  );

  test(
    'colours its two processes in a terminal, unless NO_COLOR is set',
    async () => {
      const words = (await command()).map((word) => `'${word}'`).join(' ');
      for (const [setting, coloured] of [
        ['', true],
        ['NO_COLOR=1 ', false],
      ] as const) {
        const args = ['-q', '-e', '-c', `${setting}${words}`, '/dev/null'];
        const terminal = startTerminal(args) ?? skip('script(1) of util-linux is not installed');
        const { code, stdout } = await terminal.exit;
        assert.equal(code, 0, stdout);
        assert.match(stdout, /same inode/);
        assert.deepEqual(
          ['\x1b[33mparent', '\x1b[36mchild'].map((one) => stdout.includes(one)),
          [coloured, coloured],
        );
      }
    },
    SLOW,
  );
});

function startTerminal(args: readonly string[]) {
  try {
    return startProcess('script', args);
  } catch {
    return undefined;
  }
}
