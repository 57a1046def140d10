import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { UnixSocket } from '../../src/index.ts';
import { SLOW } from '../support/installed.ts';
import { onceThere } from '../support/named.ts';
import type { Process } from '../support/processes.ts';
import { suite } from '../support/suite.ts';
import { freePort, get, withRecipes } from './recipes.ts';

const REQUESTS = 10_000;
/** How many ask at the same time, half of them on connections that they keep. */
const CLIENTS = 16;

/** Asks once. @returns the process that answered */
async function ask(port: number, agent: Agent | false): Promise<number> {
  return Number((await get(port, agent)).replace('process ', ''));
}

/** Waits until a server listens, and can be replaced. To the server it looks like a new process that ends at once. */
async function ready(server: Process, folder: string): Promise<void> {
  const path = join(folder, 'web.sock');
  (await onceThere(server, async () => UnixSocket.connect(path))).destroy();
}

/** Asks without a pause, while `older` runs and until enough was asked. @returns how many answers came from whom */
async function load(port: number, older: Process, midway: () => void): Promise<Map<number, number>> {
  const agent = new Agent({ keepAlive: true });
  const answers = new Map<number, number>();
  const failed: unknown[] = [];
  let asked = 0;
  const client = async (connections: Agent | false): Promise<void> => {
    while (asked < REQUESTS || (older.child.exitCode === null && failed.length === 0)) {
      asked += 1;
      if (asked === REQUESTS / 4) midway();
      try {
        const who = await ask(port, connections);
        answers.set(who, (answers.get(who) ?? 0) + 1);
      } catch (error) {
        failed.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i % 2 === 0 && agent)));
  agent.destroy();
  assert.deepEqual(failed, [], `0 of ${asked} requests failed`);
  return answers;
}

suite('a server that is replaced', (test) => {
  test(
    'answers 10,000 requests while a new process takes over, three times',
    () =>
      withRecipes(async (start, folder) => {
        const port = await freePort();
        const env = { PORT: String(port) };
        let older = start('web.mjs', { env });
        await ready(older, folder);
        for (let round = 0; round < 3; round++) {
          const processes = [older];
          const answers = await load(port, older, () => processes.push(start('web.mjs', { env })));
          const [, newer] = processes;
          assert.ok(newer);
          const { code, stdout, stderr } = await older.exit;
          assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
          assert.deepEqual(
            [...answers.keys()].sort((a, b) => a - b),
            processes.map(({ pid }) => pid).sort((a, b) => a - b),
          );
          older = newer;
        }
      }),
    SLOW,
  );

  test(
    'goes on when the new process ends before it listens',
    () =>
      withRecipes(async (start, folder) => {
        const port = await freePort();
        const env = { PORT: String(port) };
        const older = start('web.mjs', { env });
        await ready(older, folder);
        for (const polite of [false, true]) {
          const newer = UnixSocket.connect(join(folder, 'web.sock'));
          if (polite) newer.recvMessage()?.[Symbol.dispose]();
          newer.destroy();
          assert.equal(await ask(port, false), older.pid);
        }
        const newer = start('web.mjs', { env });
        assert.equal((await older.exit).code, 0);
        assert.equal(await ask(port, false), newer.pid);
      }),
    SLOW,
  );
});
