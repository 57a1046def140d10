import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from './support/processes.ts';
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

async function run(name: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-readme-'));
  try {
    for (const [file, code] of programs) {
      writeFileSync(join(folder, file), code.replace("'fdchannel'", `'${library}'`));
    }
    const env = { NODE_OPTIONS: LOADER.join(' ') };
    return await startProcess(process.execPath, [name], { cwd: folder, env }).exit;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

suite('README', (test) => {
  test('every block of JavaScript is a program that is run here', () => {
    assert.deepEqual([...programs.keys()].sort(), ['child.mjs', 'parent.mjs', 'server.mjs', 'stream.mjs']);
    assert.equal(readme.match(/^```js$/gm)?.length, programs.size);
  });

  test('the parent passes a file to the child', async () => {
    const { code, stdout, stderr } = await run('parent.mjs');
    const sent = programs.get('parent.mjs')?.replace("'fdchannel'", `'${library}'`);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${sent}\n`, stderr: '' });
  });

  test('the event loop example iterates to the end and aborts', async () => {
    const { code, stdout, stderr } = await run('server.mjs');
    const expected = '1000 descriptors, and the end of the channel\nTimeoutError\n';
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
  });

  test('the stream example serves a stream with descriptors', async () => {
    const { code, stdout, stderr } = await run('stream.mjs');
    const expected = 'these bytes come with two descriptors, and these with none\n';
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: expected, stderr: '' });
  });
});
