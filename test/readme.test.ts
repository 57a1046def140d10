import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UnixSocket } from '../src/index.ts';
import { assertEnded, onceThere } from './support/named.ts';
import { type Process, startProcess } from './support/processes.ts';
import { suite } from './support/suite.ts';
import { LOADER } from './support/typescript.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const library = new URL('../src/index.ts', import.meta.url).href;

/** The README's programs: code blocks that begin with the name of their file. */
const programs = new Map(
  [...readme.matchAll(/^```js\n\/\/ (\S+\.mjs)\n([\s\S]*?)^```$/gm)].map(([, name, code]) => [
    name as string,
    code as string,
  ]),
);

/** Where the programs meet, and the file of that name in the folder of a test. */
const MEETING = '/tmp/example.sock';
const MET = 'example.sock';

/** Runs the body in a folder that has the programs, with what starts one of them. */
async function withPrograms(
  body: (start: (name: string) => Process, folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-readme-'));
  try {
    for (const [file, code] of programs) writeFileSync(join(folder, file), runnable(code, folder));
    const env = { NODE_OPTIONS: LOADER.join(' ') };
    await body((name) => startProcess(process.execPath, [name], { cwd: folder, env }), folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runnable(code: string | undefined, folder: string): string {
  assert.ok(code);
  return code.replace("'fdchannel'", `'${library}'`).replace(MEETING, join(folder, MET));
}

suite('README', (test) => {
  test('every block of JavaScript is a program that is run here', () => {
    assert.deepEqual([...programs.keys()].sort(), [
      'child.mjs',
      'parent.mjs',
      'receive.mjs',
      'send.mjs',
      'server.mjs',
    ]);
    assert.equal(readme.match(/^```js$/gm)?.length, programs.size);
  });

  test('the parent passes a file to the child', () =>
    withPrograms(async (start, folder) => {
      const sent = runnable(programs.get('parent.mjs'), folder);
      await assertEnded(start('parent.mjs'), `${sent}\n`);
    }));

  test('the event loop example iterates to the end and aborts', () =>
    withPrograms(async (start) => {
      await assertEnded(start('server.mjs'), '1000 descriptors, and the end of the channel\nTimeoutError\n');
    }));

  test('two programs meet at a path, again and again, also after the receiver was killed', () =>
    withPrograms(async (start, folder) => {
      const sent = `Here is a file: ${runnable(programs.get('send.mjs'), folder)}\n`;
      for (const times of [2, 1]) {
        const receiver = start('receive.mjs');
        const path = join(folder, MET);
        const visitor = await onceThere(receiver, async () => UnixSocket.connect(path));
        visitor.destroy();
        for (let i = 0; i < times; i++) await assertEnded(start('send.mjs'));
        for (const line of sent.repeat(times).split('\n').slice(0, -1)) {
          assert.equal(await receiver.line(), line);
        }
        receiver.child.kill('SIGKILL');
        assert.equal((await receiver.exit).stderr, '');
      }
    }));
});
