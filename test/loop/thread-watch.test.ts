import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { libc } from '../../src/libc/calls.ts';
import { PollArray } from '../../src/loop/poll-array.ts';
import { ThreadWatch } from '../../src/loop/thread-watch.ts';
import { untilBlocked } from '../support/blocked.ts';
import { javascriptOf } from '../support/javascript.ts';
import { COMBINATIONS, IN, until, withSet } from '../support/loop.ts';
import { FIXTURES, startProcess } from '../support/processes.ts';
import { sendRaw } from '../support/raw.ts';
import { skip, suite } from '../support/suite.ts';

const BY_THREAD = COMBINATIONS.filter((name) => name.endsWith('thread'));
const MAJOR = Number(process.versions.node.split('.')[0]);

/** The threads that the body starts. */
async function startedBy(body: () => unknown): Promise<{ workers: Worker[]; tids: number[] }> {
  const tids = (): number[] => readdirSync('/proc/self/task').map(Number);
  const workers: Worker[] = [];
  const note = (worker: Worker): void => void workers.push(worker);
  const before = tids();
  process.on('worker', note);
  await body();
  await turn();
  process.off('worker', note);
  return { workers, tids: tids().filter((tid) => !before.includes(tid)) };
}

for (const combination of BY_THREAD) {
  suite(`a helper thread, ${combination}`, (test) => {
    test('is started by the first wait, sleeps while nobody waits, and polls while somebody does', () =>
      withSet(combination, async ({ pair, watch, settled }) => {
        const [own, peer] = pair();
        const watched = watch(own, (_, { registration }) => registration.want(0));
        const { workers, tids } = await startedBy(() => watched.registration.want(IN));
        assert.equal(workers.length, 1);
        const tid = tids.at(-1) as number;
        const sleeps = (call: string): Promise<string> => untilBlocked(process.pid, tid, [call]);
        assert.equal(await sleeps('poll'), 'poll');
        sendRaw(peer, 1);
        await until(() => watched.told.length > 0);
        assert.equal(await sleeps('futex'), 'futex');
        watched.registration.want(IN);
        await until(() => watched.told.length > 1);
        // What is still there is nobody's concern.
        assert.equal(await sleeps('futex'), 'futex');
        const more = await startedBy(settled);
        assert.deepEqual(more, { workers: [], tids: [] });
      }));

    test('looks at the socket of who waits next, after one that gave up while it polled', () =>
      withSet(combination, async ({ pair, watch, closeEarly }) => {
        const { registration } = watch(pair()[0]);
        const { tids } = await startedBy(() => registration.want(IN));
        // Did it poll on, each round would take what is left of a slice: too long for all of them.
        for (let round = 0; round < 1000; round++) {
          await untilBlocked(process.pid, tids.at(-1), ['poll']);
          registration.want(0);
          const [own, peer] = pair();
          const next = watch(own);
          next.registration.want(IN);
          sendRaw(peer, 1);
          await until(() => next.told.length > 0);
          next.registration.close();
          for (const fd of [own, peer]) closeEarly(fd);
          registration.want(IN);
        }
      }));

    test('that has ended fails what waits for it; the next wait starts another', () =>
      withSet(combination, async ({ pair, watch }) => {
        const [own, peer] = pair();
        const [other] = pair();
        const all = [watch(own), watch(other)];
        const { workers } = await startedBy(() => {
          for (const { registration } of all) registration.want(IN);
        });
        await workers[0]?.terminate();
        await until(() => all.every(({ failed }) => failed.length > 0));
        for (const { failed } of all) {
          assert.match(String(failed[0]), /^Error: the thread that polls .* has ended with code 1$/);
          assert.equal(failed.length, 1);
        }
        const again = watch(own);
        again.registration.want(IN);
        sendRaw(peer, 1);
        await until(() => again.told.length > 0);
      }));

    test('ends with its set', () =>
      withSet(combination, async ({ set, pair, watch, settled }) => {
        const { registration } = watch(pair()[0]);
        const { workers } = await startedBy(() => registration.want(IN));
        await settled();
        const ended = new Promise((resolve) => workers[0]?.once('exit', resolve));
        set.close();
        assert.equal(await ended, 0);
      }));
  });
}

suite('a helper thread of its own', (test) => {
  test('is interrupted by what changes while it polls, and when nobody waits any more', async () => {
    let interrupted = 0;
    const array = new PollArray(libc(), 1);
    const watch = new ThreadWatch(
      libc(),
      array,
      () => interrupted++,
      () => {},
      (error) => assert.fail(`${error}`),
    );
    watch.changed();
    assert.equal(interrupted, 0, 'it sleeps');
    watch.look();
    watch.look();
    assert.equal(interrupted, 0, 'nothing has changed');
    watch.changed();
    watch.changed();
    assert.equal(interrupted, 2);
    watch.rest();
    assert.equal(interrupted, 3);
    watch.rest();
    watch.changed();
    assert.equal(interrupted, 3, 'it sleeps again');
    watch.close();
    watch.look();
    watch.changed();
    watch.rest();
    assert.equal(interrupted, 3, 'it ends');
  });

  test('loads nothing of what the application was started with', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
    try {
      const [preload, notes] = [join(folder, 'preload.cjs'), join(folder, 'notes')];
      writeFileSync(preload, `require('node:fs').appendFileSync(${JSON.stringify(notes)}, 'loaded ');`);
      const fixture = fileURLToPath(new URL('loop-moments.mjs', FIXTURES));
      const scenario = 'a continuation throws, and something else waits';
      const { code, stdout, stderr } = await startProcess(
        process.execPath,
        ['--require', preload, fixture, javascriptOf('src/index.ts'), scenario],
        { env: { FDCHANNEL_LOOP: 'epoll+thread', NODE_OPTIONS: `--require=${preload}` } },
      ).exit;
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' });
      // Node loads it once for each time that it is told to.
      assert.match(readFileSync(notes, 'utf8'), /^(loaded ){1,2}$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('that Node does not permit: the wait is refused with a code', async () => {
    if (MAJOR < 23) skip(`Node ${MAJOR} has no permissions for native addons`);
    const index = javascriptOf('src/index.ts');
    const script = `
      const { Endpoint } = await import(${JSON.stringify(index)});
      const [own] = Endpoint.pair();
      console.log(await own.recvFDAsync().catch((error) => error.code));
    `;
    const { stdout, stderr } = await startProcess(
      process.execPath,
      ['--permission', '--allow-addons', '--allow-fs-read=*', '--input-type=module', '--eval', script],
      { env: { FDCHANNEL_LOOP: 'epoll+thread' } },
    ).exit;
    assert.equal(stdout, 'ERR_ACCESS_DENIED\n', stderr);
  });

  test('without leave to read the root: a worker closes what it has made when it ends', async () => {
    if (MAJOR < 23) skip(`Node ${MAJOR} has no permissions for native addons`);
    const index = javascriptOf('src/index.ts');
    const fixture = fileURLToPath(new URL('loop-worker-ends.mjs', FIXTURES));
    const readable = [
      dirname(dirname(index)),
      fileURLToPath(new URL('../..', import.meta.url)),
      '/dev',
      '/proc',
    ];
    const { code, stdout, stderr } = await startProcess(process.execPath, [
      ...['--permission', '--allow-addons', '--allow-worker'],
      ...readable.map((path) => `--allow-fs-read=${path}`),
      ...[fixture, index, '1', 'by itself', 'by process.exit', 'by an exception'],
    ]).exit;
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '["by itself"]\n["by process.exit"]\n["by an exception"]\n');
  });
});
