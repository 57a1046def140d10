import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess } from '../support/processes.ts';
import { NPM, type Project, projectOf, run, SLOW } from '../support/projects.ts';
import { skip, suite } from '../support/suite.ts';

const PACKAGES = {
  dependencies: { 'dbus-next': '0.10.2', 'hot-shots': '17.1.1' },
  overrides: { usocket: 'fdchannel-usocket', 'unix-dgram': 'fdchannel-unix-dgram' },
};

const PNPM = ['npx', '--yes', 'pnpm@10.34.9'] as const;

const projects: [name: string, project: Project][] = [
  ['npm', { ...PACKAGES, manager: NPM }],
  ['pnpm', { ...PACKAGES, manager: PNPM }],
];

/** What dbus-next and hot-shots get when they require what they know. */
const REQUIRED = `
  const { createRequire } = require('node:module');
  const from = (name) => createRequire(require.resolve(name));
  const { USocket, UServer } = from('dbus-next')('usocket');
  const { createSocket } = from('hot-shots')('unix-dgram');
  const ours = (name, path) => from(name).resolve(path).includes('fdchannel') ||
    require(require.resolve(path, { paths: [require.resolve(name)] }) + '/../package.json').name.includes('fdchannel');
  const fdchannel = require('fdchannel/usocket');
  console.log(ours('dbus-next', 'usocket'), ours('hot-shots', 'unix-dgram'), fdchannel.USocket === USocket,
    typeof UServer, typeof createSocket);
`;

/** A DogStatsD server: prints what comes, after it has let its socket fill. */
const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
sys.stdin.readline()
count = int(sys.argv[2])
lines = []
while len(lines) < count:
    lines += s.recv(65536).decode().split()
print(len(lines), lines[0], lines[-1], len(set(lines)), flush=True)
`;

/** Sends more than the receiver's queue holds before it reads. */
const METRICS = `
  const { StatsD } = require('hot-shots');
  const [path, count] = [process.argv[2], Number(process.argv[3])];
  const errors = [];
  const client = new StatsD({
    protocol: 'uds', path, maxBufferSize: 0, errorHandler: (error) => errors.push(error.message),
    udsRetryOptions: { retries: 200, retryDelayMs: 5, maxRetryDelayMs: 20 },
  });
  let left = count;
  for (let i = 0; i < count; i++) {
    client.gauge('metric', i, (error) => {
      if (error) errors.push(error.message);
      if (--left === 0) client.close(() => console.log('sent', errors.length));
    });
  }
  setTimeout(() => console.log('full'), 50);
`;

suite('packages in the place of usocket and unix-dgram', (test) => {
  for (const [name, project] of projects) {
    test(
      `${name}: one line of overrides puts each in place, and hot-shots sends its metrics`,
      async () => {
        const { require_module } = process.features as { require_module?: boolean };
        if (!require_module) skip(`Node ${process.version} cannot require ES modules`);
        const folder = await projectOf(project);
        writeFileSync(join(folder, 'required.cjs'), REQUIRED);
        const required = await run(folder, process.execPath, 'required.cjs');
        assert.deepEqual(
          { ...required, code: 0 },
          { code: 0, signal: null, stdout: 'true true true function function\n', stderr: '' },
        );

        writeFileSync(join(folder, 'metrics.cjs'), METRICS);
        const args = [join(folder, 'socket'), '400'];
        const receiver = startProcess('python3', ['-c', RECEIVER, ...args]);
        assert.equal(await receiver.line(), 'bound');
        const sender = startProcess(process.execPath, ['metrics.cjs', ...args], { cwd: folder });
        assert.equal(await sender.line(), 'full');
        receiver.stdin.write('\n');
        const [received, sent] = await Promise.all([receiver.exit, sender.exit]);
        assert.deepEqual([sent.stdout, sent.stderr], ['full\nsent 0\n', '']);
        assert.match(received.stdout, /^bound\n400 metric:\d+\|g metric:\d+\|g 400\n$/);
      },
      SLOW,
    );
  }
});
