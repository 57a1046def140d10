import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { javascriptOf } from '../support/javascript.ts';
import { COMBINATIONS } from '../support/loop.ts';
import { FIXTURES, startProcess } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const fixture = (file: string): string => fileURLToPath(new URL(file, FIXTURES));

suite('limits of waiting', (test) => {
  for (const combination of COMBINATIONS) {
    test(`the first wait of a thread at the descriptor limit: EMFILE, nothing left, and later it waits, ${combination}`, async () => {
      const limited = ['-c', 'ulimit -n 64; exec "$@"', 'sh'];
      const node = [process.execPath, fixture('loop-limits.mjs'), javascriptOf('src/index.ts')];
      const { code, stdout, stderr } = await startProcess('sh', [...limited, ...node], {
        env: { FDCHANNEL_LOOP: combination },
      }).exit;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.deepEqual(JSON.parse(stdout), { refusals: ['SyscallError EMFILE'], left: [0], needs: true });
    });
  }

  test(
    'a hundred workers each have a set of their own, which goes with them',
    async () => {
      const args = [fixture('loop-many-workers.mjs'), javascriptOf('src/index.ts'), '100', '1'];
      const { code, stdout, stderr } = await startProcess(process.execPath, args, { timeout: 55_000 }).exit;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.deepEqual(JSON.parse(stdout), { came: 100, left: [] });
    },
    { timeout: 60_000 },
  );
});
