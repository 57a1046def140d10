import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { untilBlocked } from './blocked.ts';
import { startFixture, startProcess } from './processes.ts';
import { suite } from './suite.ts';
import { startWorker } from './threads.ts';

suite('processes and threads', (test) => {
  test('a fixture reads its arguments, its input, and is read line by line', async () => {
    const fixture = startFixture('reads.ts', { args: ['steady', 'go'] });
    assert.equal(await fixture.line(), 'ready steady go');
    assert.equal(await untilBlocked(fixture.pid, fixture.pid, ['read']), 'read');
    fixture.stdin.write('text');
    assert.equal(await fixture.line(), 'text');
    await assert.rejects(fixture.line(), /ended \(0\) without another line/);
    assert.deepEqual(await fixture.exit, {
      code: 0,
      signal: null,
      stdout: 'ready steady go\ntext\n',
      stderr: '',
    });
  });

  test('a process gets descriptors from 3 on, and the caller keeps its own', async () => {
    const fd = openSync(import.meta.filename, 'r');
    const { stdout } = await startProcess('sh', ['-c', 'head -n 1 <&4'], { fds: [fd, fd] }).exit;
    closeSync(fd);
    assert.equal(stdout, "import assert from 'node:assert/strict';\n");
  });

  test('all that a process wrote has been read when it has ended', async () => {
    const { stdout, stderr } = await startProcess('sh', [
      '-c',
      'head -c 100000 /dev/zero; head -c 100000 /dev/zero >&2',
    ]).exit;
    assert.deepEqual([stdout.length, stderr.length], [100_000, 100_000]);
  });

  test('a grandchild that holds the output open delays nothing', async () => {
    const { code, stdout } = await startProcess('sh', ['-c', 'sleep 600 & echo $!']).exit;
    process.kill(Number(stdout), 'SIGKILL');
    assert.equal(code, 0);
  });

  test('a process that takes too long is killed, and says so', async () => {
    const { signal, stderr } = await startProcess('sleep', ['600'], { timeout: 10 }).exit;
    assert.equal(signal, 'SIGKILL');
    assert.match(stderr, /killed after 10 ms/);
  });

  test('a command that does not exist is refused', () => {
    assert.throws(() => startProcess('no-such-command', []), /cannot start no-such-command/);
  });

  test('a prefix runs the fixture', async () => {
    const fixture = startFixture('reads.ts', { prefix: ['sh', '-c', 'echo first; exec "$@"', 'sh'] });
    assert.deepEqual([await fixture.line(), await fixture.line()], ['first', 'ready']);
    fixture.stdin.end();
    assert.equal((await fixture.exit).code, 0);
  });

  test('a worker runs a fixture and answers', async () => {
    const { worker, tid, next, exit } = await startWorker('waits.worker.ts', 'first');
    assert.equal(await next(), 'first');
    worker.postMessage('again');
    assert.equal(await next(), 'again');
    assert.notEqual(tid, process.pid);
    await worker.terminate();
    assert.equal(await exit, 1);
    await assert.rejects(next(), /ended without another message/);
  });

  test('what a worker throws is rejected with', async () => {
    const { worker, next, exit } = await startWorker('throws.worker.ts');
    assert.equal(await next(), 'ready');
    worker.postMessage('enough');
    await assert.rejects(next(), { message: 'enough' });
    await assert.rejects(exit, { message: 'enough' });
  });
});
