import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FIXTURES, type Process, startProcess } from './processes.ts';
import { withFolder } from './streams.ts';
import { skip } from './suite.ts';

/** Debian’s own Python has what Debian installs. */
const PYTHON = '/usr/bin/python3';

/**
 * Runs the body with a D-Bus of its own, on which a service is. Skips the test where D-Bus is missing.
 *
 * @param service a program of test/fixtures/ in Python, which prints `ready`
 */
export async function withBus(
  service: string,
  body: (path: string, service: Process) => Promise<void>,
): Promise<void> {
  if (spawnSync('dbus-daemon', ['--version']).status !== 0)
    skip('dbus-daemon is not there: apt-get install dbus');
  if (spawnSync(PYTHON, ['-c', 'from gi.repository import Gio']).status !== 0) {
    skip('Python’s gi is not there: apt-get install python3-gi');
  }
  await withFolder(async (folder) => {
    const path = join(folder, 'bus');
    const address = `unix:path=${path}`;
    const started: Process[] = [];
    try {
      const options = ['--session', '--nofork', '--nosyslog', `--address=${address}`, '--print-address'];
      const daemon = startProcess('dbus-daemon', options);
      started.push(daemon);
      await daemon.line();
      const program = startProcess(PYTHON, [fileURLToPath(new URL(service, FIXTURES))], {
        env: { DBUS_SESSION_BUS_ADDRESS: address },
      });
      started.push(program);
      assert.equal(await program.line(), 'ready');
      await body(path, program);
    } finally {
      for (const one of started) one.child.kill('SIGKILL');
      await Promise.all(started.map(({ exit }) => exit));
    }
  });
}
