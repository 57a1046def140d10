import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UnixSocket } from '../../src/index.ts';
import { installed, SLOW } from '../support/installed.ts';
import { assertEnded, onceThere } from '../support/named.ts';
import { startProcess } from '../support/processes.ts';
import { README } from '../support/readme.ts';
import { skip, suite } from '../support/suite.ts';

const SECRET = '/etc/shadow';

/** The line of README that gives a command of `npx fdchannel`, which root may run without sudo. */
function lineOf(command: string): string {
  const line = new RegExp(`^(?:sudo )?(npx fdchannel ${command} .*)$`, 'm').exec(README)?.[1];
  assert.ok(line, `README has npx fdchannel ${command}`);
  return line;
}

suite('the command line that README shows', (test) => {
  test(
    'gives a file that only root may open to a command',
    async () => {
      if (process.getuid?.() !== 0 || !existsSync(SECRET)) skip(`only root can read ${SECRET}`);
      const cwd = await installed();
      const options = { cwd, timeout: SLOW.timeout, env: { npm_config_offline: 'true' } };
      const receiver = startProcess('sh', ['-c', lineOf('receive')], options);
      const path = join(cwd, 'example.sock');
      (await onceThere(receiver, async () => UnixSocket.connect(path))).destroy();
      await assertEnded(startProcess('sh', ['-c', lineOf('send')], options));
      const lines = readFileSync(SECRET, 'utf8').split('\n').length - 1;
      await assertEnded(receiver, `${lines}\n`);
    },
    SLOW,
  );
});
