import assert from 'node:assert/strict';
import type { Call } from '../fixtures/calls-end.ts';
import { untilBlocked } from '../support/blocked.ts';
import { type Kind, PASSERS } from '../support/ends.ts';
import { type Exit, startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const FOR_EVER = { timeout: 2 ** 31 - 1 };

/** Calls that block for good: nobody sends, and nobody makes room. */
const plain: Call[] = [['receive'], ['send', 0]];
const all: Call[] = [...plain, ['receive', FOR_EVER], ['send', 0, FOR_EVER]];

/** Ends a worker in each of the calls, when it blocks. @returns what the process printed meanwhile, without thread numbers */
async function end(how: string, kind: Kind, calls: readonly Call[]): Promise<Exit & { lines: string[] }> {
  const args = [how, kind.name, ...calls.map((call) => JSON.stringify(call))];
  const fixture = startFixture('ends-blocked-worker.ts', { args });
  const lines: string[] = [];
  for (const _ of calls) {
    const [word = '', tid] = (await fixture.line()).split(' ');
    lines.push(word);
    await untilBlocked(fixture.pid, Number(tid));
    fixture.stdin.write('now\n');
    if (how === 'terminate') lines.push(await fixture.line());
  }
  const exit = await fixture.exit;
  return { ...exit, lines };
}

for (const kind of PASSERS) {
  suite(`a worker that blocks in a call, ${kind.name}`, (test) => {
    test('is ended by worker.terminate(), and leaves the socket to others', async () => {
      const { code, signal, lines, stdout, stderr } = await end('terminate', kind, all);
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
      assert.deepEqual(lines, Array(all.length).fill(['blocks', 'ended 1']).flat());
      assert.match(stdout, /^exit 0$/m);
    });

    for (const call of plain) {
      test(`does not hold process.exit() up: ${call[0]}`, async () => {
        const { code, signal, stdout, stderr } = await end('exit', kind, [call]);
        assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: '' });
        assert.match(stdout, /^exit 7$/m);
      });

      test(`does not outlive a main thread that throws: ${call[0]}`, async () => {
        const { code, signal, stdout, stderr } = await end('throw', kind, [call]);
        assert.deepEqual({ code, signal }, { code: 1, signal: null }, stderr);
        assert.match(stderr, /thrown in the main thread/);
        assert.match(stdout, /^exit 1$/m);
      });
    }
  });
}
