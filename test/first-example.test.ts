import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed, ROOT, run, SLOW } from './support/installed.ts';
import { suite } from './support/suite.ts';

/** The JavaScript of the first section that has some: the name of each file, and its text as a reader copies it. */
function firstExample(readme: string): [name: string, code: string][] {
  const sections = readme.split(/^## /m);
  const section = sections.find((text) => text.includes('```js\n')) ?? '';
  return [...section.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code = ''], index) => {
    const [, name = `example-${index}.mjs`] = /^\/\/ (\S+\.mjs)\n/.exec(code) ?? [];
    return [name, code];
  });
}

suite('the first example of README', (test) => {
  test(
    'runs where nothing else is than what it says, and prints something',
    async () => {
      const files = firstExample(readFileSync(join(ROOT, 'README.md'), 'utf8'));
      const [first] = files;
      assert.ok(first, 'there is one');
      const folder = mkdtempSync(join(tmpdir(), 'fdchannel-example-'));
      try {
        cpSync(join(await installed(), 'node_modules'), join(folder, 'node_modules'), { recursive: true });
        for (const [name, code] of files) writeFileSync(join(folder, name), code);
        const { stdout, stderr } = await run(folder, process.execPath, first[0]);
        assert.equal(stderr, '');
        assert.notEqual(stdout.trim(), '');
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    SLOW,
  );
});
