import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installed, ROOT, SLOW } from './support/installed.ts';
import { assertEnded } from './support/named.ts';
import { startProcess } from './support/processes.ts';
import { suite } from './support/suite.ts';

/** What has to have an example: each value that can be imported of these. */
const ENTRIES = ['src/index.ts', 'src/systemd.ts'];

const DOCUMENTED = /^\/\*\*\n((?: \*(?: .*)?\n)+?) \*\/\nexport (?:class|function) (\w+)/gm;
const EXAMPLE = /^@example\n```js\n([\s\S]*?)^```$/gm;
/** What a line of an example says that it prints. */
const PRINTED = /^.*console\.log\(.*\); \/\/ (.*)$/gm;

/** The examples in the docstrings of src/, by the name of what they are for. */
const examples = new Map<string, string>();
for (const file of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.ts')) continue;
  const text = readFileSync(join(ROOT, 'src', file), 'utf8');
  for (const [, docstring = '', name = ''] of text.matchAll(DOCUMENTED)) {
    for (const [, code = ''] of docstring.replace(/^ \* ?/gm, '').matchAll(EXAMPLE)) examples.set(name, code);
  }
}

suite('the examples of the docstrings', (test) => {
  test('each export has one, and none is overlooked', async () => {
    const modules = await Promise.all(ENTRIES.map((path) => import(pathToFileURL(join(ROOT, path)).href)));
    assert.deepEqual([...examples.keys()].sort(), modules.flatMap((module) => Object.keys(module)).sort());
  });

  for (const [name, code] of examples) {
    test(
      `${name}’s runs where nothing but the package is, and prints what it says`,
      async () => {
        const project = await installed();
        // A folder of its own beside node_modules, where the imports find the package.
        const folder = mkdtempSync(join(project, 'example-'));
        symlinkSync(join(project, 'package.json'), join(folder, 'package.json'));
        writeFileSync(join(folder, 'example.mjs'), code);
        const printed = [...code.matchAll(PRINTED)].map(([, said]) => `${said}\n`).join('');
        await assertEnded(startProcess(process.execPath, ['example.mjs'], { cwd: folder }), printed);
      },
      SLOW,
    );
  }
});
