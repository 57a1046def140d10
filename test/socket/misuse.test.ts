import assert from 'node:assert/strict';
import { ENDS } from '../support/ends.ts';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

const CLOSED = 'SyscallError EBADF';
const NO_SOCKET = 'SyscallError ENOTSOCK';
const ABORTED = 'AbortError 20';

/** What the waits of each scenario come to, in the order in which it runs. */
const expected: Record<string, readonly string[]> = {
  'two ends over one number': ['got 1', 'got 1'],
  'two ends over one number, the first destroyed': [CLOSED, CLOSED],
  'two ends over two numbers of one socket': ['got 1', 'got 1', 'got 1', 'got 1'],
  'both ends in one loop wait for both directions': ['got 1', 'got 1', 'got 1', 'got 1'],
  'closed before the first receive': [CLOSED, CLOSED],
  'closed before the first send': [CLOSED],
  'reused by a file before the first receive': [NO_SOCKET, NO_SOCKET],
  'reused by a file before the first send': [NO_SOCKET],
  'reused by a file before a receive that first lets the loop turn': [NO_SOCKET],
  'reused by a socket of the same kind before the first receive': ['got 1'],
  'reused by a TCP connection before the first receive': [ABORTED],
  'closed while a receive waits': [CLOSED, CLOSED],
  'closed while a send waits': [CLOSED],
  'reused by a file while a receive waits': [NO_SOCKET, NO_SOCKET],
  'reused by a file before the loop has turned': [NO_SOCKET],
  'the number that the loop polls closed, then destroyed': [CLOSED],
  'the duplicate of a waiting send closed': ['done', CLOSED, 'done'],
  'closed before the first receive by an abort': [ABORTED, CLOSED],
};

suite('a number in other hands', (test) => {
  test('waits end with an error or a right answer, and the process goes on', async () => {
    const { code, signal, stdout, stderr } = await startFixture('async-misuse.ts').exit;
    const outcomes = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const wanted = ENDS.flatMap((kind) =>
      Object.entries(expected).map(([name, waits]) => [kind.name, name, waits]),
    );
    assert.deepEqual(outcomes, wanted, stderr);
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr);
  });
});
