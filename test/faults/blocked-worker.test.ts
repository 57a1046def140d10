import assert from 'node:assert/strict';
import { untilBlocked } from '../support/blocked.ts';
import { type Exit, startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

/** Calls that block for good: nobody sends, and nobody makes room. */
const plain = [['recvFD'], ['sendFD', 0]].map((call) => JSON.stringify(call));
const FOR_EVER = { timeout: 2 ** 31 - 1 };
const limited = [
  ['recvFD', FOR_EVER],
  ['sendFD', 0, FOR_EVER],
].map((call) => JSON.stringify(call));

/** Milliseconds in which a busy machine, too, starts a few threads one after the other. */
const ENOUGH = 30_000;
const SLOW = { timeout: ENOUGH + 5_000 };

/** Ends so many workers, each when it blocks. @returns what the process printed meanwhile, without thread numbers */
async function end(how: string, count: number, args: readonly string[]): Promise<Exit & { lines: string[] }> {
  const fixture = startFixture('ends-blocked-worker.ts', { args: [how, ...args], timeout: ENOUGH });
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const [word = '', tid] = (await fixture.line()).split(' ');
    lines.push(word);
    await untilBlocked(fixture.pid, Number(tid));
    fixture.stdin.write('now\n');
    if (how === 'terminate') lines.push(await fixture.line());
  }
  const exit = await fixture.exit;
  return { ...exit, lines };
}

suite('a worker that blocks in a call', (test) => {
  test(
    'is ended by worker.terminate(), and leaves the socket to others',
    async () => {
      const all = [...plain, ...limited];
      const { code, signal, lines, stdout, stderr } = await end('terminate', all.length, all);
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
      assert.deepEqual(lines, Array(all.length).fill(['blocks', 'ended 1']).flat());
      assert.match(stdout, /^exit 0$/m);
    },
    SLOW,
  );

  for (const call of plain) {
    test(
      `does not hold process.exit() up: ${call}`,
      async () => {
        const { code, signal, stdout, stderr } = await end('exit', 1, [call]);
        assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
        assert.match(stdout, /^exit 7$/m);
      },
      SLOW,
    );

    test(
      `does not outlive a main thread that throws: ${call}`,
      async () => {
        const { code, signal, stdout, stderr } = await end('throw', 1, [call]);
        assert.deepEqual({ code, signal }, { code: 1, signal: null }, stderr);
        assert.match(stderr, /thrown in the main thread/);
        assert.match(stdout, /^exit 1$/m);
      },
      SLOW,
    );
  }
});
