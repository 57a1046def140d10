import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { javascriptOf } from '../support/javascript.ts';
import { startFixture } from '../support/processes.ts';
import { compiled, SLOW } from '../support/projects.ts';
import { withFolder } from '../support/streams.ts';
import { suite } from '../support/suite.ts';

const originals: [name: string, version: string][] = [
  ['usocket', '1.1.0'],
  ['unix-dgram', '2.0.7'],
];

suite('the originals, compiled', (test) => {
  for (const [name, version] of originals) {
    test(
      `what ${name} documents comes of fdchannel/${name}, too, in the same order`,
      async () => {
        const original = await compiled(name, version);
        const ours = javascriptOf(`src/drop-in/${name}.ts`);
        await withFolder(async (folder) => {
          const outputs: string[] = [];
          for (const [i, module] of [original, ours].entries()) {
            const own = join(folder, `${i}`);
            mkdirSync(own);
            const { exit } = startFixture(`${name}-events.ts`, { args: [module, own] });
            const { code, stdout, stderr } = await exit;
            assert.equal(code, 0, `${module}\n${stdout}${stderr}`);
            outputs.push(stdout.replaceAll(own, ''));
          }
          assert.equal(outputs[1], outputs[0]);
          assert.ok((outputs[0]?.length ?? 0) > 100);
        });
      },
      SLOW,
    );
  }
});
