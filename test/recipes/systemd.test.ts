import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { closeFD, UnixSocket } from '../../src/index.ts';
import { SLOW } from '../support/installed.ts';
import { unlessEnded } from '../support/named.ts';
import type { Process } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';
import { freePort, get, withRecipes } from './recipes.ts';

/** Where Linux keeps files in memory. */
const MEMORY = '/dev/shm';

/** A listening socket that nothing in this process accepts from. */
async function listening(): Promise<{ fd: number; port: number }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [a, b] = UnixSocket.pair();
  a.sendMessage('', [server]);
  const [fd] = b.recvMessage()?.fds ?? [];
  for (const end of [a, b]) end.destroy();
  const address = server.address();
  server.close();
  assert.ok(fd !== undefined && typeof address === 'object' && address);
  return { fd, port: address.port };
}

/** Asks a server that is about to listen, and does not say when it does. */
async function onceListening<T>(server: Process, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const early = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
      if (!early || server.child.exitCode !== null) throw error;
      await delay(5);
    }
  }
}

suite('the recipe for systemd', (test) => {
  test(
    'what a process stored is there for the next one, which listens at the same socket',
    () =>
      withRecipes(async (start, folder) => {
        if (!existsSync(MEMORY)) skip(`${MEMORY} is not there: this is for Linux`);
        const { fd, port } = await listening();
        const path = join(folder, 'notify');
        const manager = UnixSocket.bind(path, { type: 'dgram' });
        const told = async (process: Process) => unlessEnded(process, manager.recvMessageAsync());
        // As a manager does: the process that LISTEN_PID names is the one that it becomes.
        const prefix = ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh'];

        const env = { LISTEN_FDS: '1', LISTEN_FDNAMES: 'web', NOTIFY_SOCKET: path };
        const first = start('activated.mjs', { fds: [fd], env, prefix });
        const stored = await told(first);
        assert.equal(stored?.data.toString(), 'FDSTORE=1\nFDNAME=visits');
        assert.equal(stored.fds.length, 1);
        assert.equal((await told(first))?.data.toString(), 'READY=1');
        assert.equal(await get(port, false), 'visit 1\n');
        assert.equal(await get(port, false), 'visit 2\n');
        first.child.kill('SIGKILL');
        await first.exit;

        const again = { ...env, LISTEN_FDS: '2', LISTEN_FDNAMES: 'web:visits' };
        const second = start('activated.mjs', { fds: [fd, ...stored.fds], env: again, prefix });
        assert.equal((await told(second))?.data.toString(), 'READY=1');
        assert.equal(await get(port, false), 'visit 3\n');

        stored[Symbol.dispose]();
        manager.destroy();
        closeFD(fd);
      }),
    SLOW,
  );

  test(
    'systemd-socket-activate starts it at the first connection',
    () =>
      withRecipes(async (start) => {
        const tool = 'systemd-socket-activate';
        if (spawnSync(tool, ['--version']).status !== 0)
          skip(`${tool} is not there: apt-get install systemd`);
        const port = await freePort();
        const prefix = [tool, `--listen=${port}`, '--fdname=web'];
        const server = start('activated.mjs', { prefix, env: { SYSTEMD_LOG_LEVEL: 'warning' } });
        assert.equal(await onceListening(server, () => get(port, false)), 'visit 1\n');
      }),
    SLOW,
  );
});
