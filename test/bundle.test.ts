import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed, ROOT, run, SLOW } from './support/installed.ts';
import { COMBINATIONS } from './support/loop.ts';
import { startProcess } from './support/processes.ts';
import { suite } from './support/suite.ts';

/** Passes its own text to itself, blocking and on the event loop, in the main thread and in a worker. */
const APP = `
  import { fstatSync, openSync } from 'node:fs';
  import { isMainThread, Worker } from 'node:worker_threads';
  import { ChannelError, closeFD, newConnectedSockets, newEndpoint } from 'fdchannel';

  const file = openSync(process.argv[1], 'r');
  const [sender, receiver] = newConnectedSockets().map((fd) => newEndpoint(fd));
  const same = (fd) => {
    const { ino } = fstatSync(fd);
    closeFD(fd);
    return ino === fstatSync(file).ino && fd !== file;
  };

  async function main() {
    sender.sendFD(file);
    const blocking = same(receiver.recvFD({ timeout: 5000 }));
    const wait = receiver.recvFDAsync();
    await sender.sendFDAsync(file);
    const waiting = same(await wait);
    sender.destroy();
    const code = await receiver.recvFDAsync().catch((error) => error instanceof ChannelError && error.code);
    receiver.destroy();
    console.log(isMainThread ? 'main' : 'worker', blocking, waiting, code);
    if (isMainThread) new Worker(process.argv[1]);
  }
  main();
`;

const OUTPUT = ['main', 'worker'].map((thread) => `${thread} true true ERR_FDCHANNEL_ENDED\n`).join('');

const builds: [what: string, file: string, options: readonly string[]][] = [
  ['a CommonJS bundle', 'bundle.cjs', ['--format=cjs']],
  ['a minified CommonJS bundle', 'bundle.min.cjs', ['--format=cjs', '--minify']],
  ['an ES module bundle', 'bundle.mjs', ['--format=esm']],
  ['a minified ES module bundle', 'bundle.min.mjs', ['--format=esm', '--minify']],
];

suite('an application bundled by esbuild', (test) => {
  for (const [what, file, options] of builds) {
    test(
      `${what} passes a descriptor, with koffi beside it and this package no longer there`,
      async () => {
        const project = await installed();
        writeFileSync(join(project, 'app.mjs'), APP);
        const folder = mkdtempSync(join(tmpdir(), 'fdchannel-bundle-'));
        try {
          const output = join(folder, file);
          const esbuild = join(ROOT, 'node_modules/.bin/esbuild');
          await run(
            project,
            esbuild,
            ...['app.mjs', '--bundle', '--platform=node', '--external:koffi', `--outfile=${output}`],
            ...['--log-level=warning', ...options],
          );
          mkdirSync(join(folder, 'node_modules'));
          for (const name of ['koffi', '@koromix'])
            symlinkSync(join(project, 'node_modules', name), join(folder, 'node_modules', name));
          for (const loop of COMBINATIONS) {
            const options = { cwd: folder, env: { FDCHANNEL_LOOP: loop } };
            const exit = await startProcess(process.execPath, [output], options).exit;
            assert.deepEqual(exit, { code: 0, signal: null, stdout: OUTPUT, stderr: '' }, loop);
          }
        } finally {
          rmSync(folder, { recursive: true });
        }
      },
      SLOW,
    );
  }
});
