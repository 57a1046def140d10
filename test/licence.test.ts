import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, SLOW } from './support/installed.ts';
import { suite } from './support/suite.ts';

suite('the licence', (test) => {
  test(
    'is packed, and names its holders: those of the original, and those of this package',
    async () => {
      const folder = join(await installed(), 'node_modules/fdchannel');
      const texts = ['LICENSE', 'NOTICE']
        .map((name) => join(folder, name))
        .filter((path) => existsSync(path));
      const text = texts.map((path) => readFileSync(path, 'utf8')).join('\n');
      assert.match(text, /Apache License\s+Version 2\.0/);
      const holders = [...text.matchAll(/^\s*Copyright (?:\(c\) )?(\d{4}\S*) (\S.*)$/gim)].map(
        ([, , holder]) => holder as string,
      );
      assert.ok(
        holders.some((holder) => /gVisor Authors/i.test(holder)),
        `holders: ${holders}`,
      );
      assert.ok(
        holders.some((holder) => /fdchannel/i.test(holder)),
        `holders: ${holders}`,
      );
    },
    SLOW,
  );
});
