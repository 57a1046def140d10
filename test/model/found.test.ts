import assert from 'node:assert/strict';
import { suite } from '../support/suite.ts';
import type { History } from './history.ts';
import { withPool } from './pool.ts';
import { run } from './run.ts';

/** Histories that went wrong once, and what went wrong. */
const FOUND: readonly [what: string, history: History][] = [
  [
    'a descriptor was lost behind two empty packets',
    {
      row: 'endpoint/seqpacket',
      places: ['main', 'main'],
      steps: [
        { do: 'lie', end: 1, bytes: 0, descriptors: 0, count: 2 },
        { do: 'send', end: 1, form: 'async' },
        { do: 'destroy', end: 1 },
      ],
    },
  ],
  [
    'two empty packets before a descriptor counted as one for a process that has no descriptor left',
    {
      row: 'endpoint/seqpacket',
      places: ['main', 'limited'],
      steps: [
        { do: 'lie', end: 0, bytes: 0, descriptors: 0, count: 2 },
        { do: 'exhaust', end: 1 },
        { do: 'receive', end: 1, form: 'block' },
        { do: 'send', end: 0, form: 'block' },
        { do: 'destroy', end: 0 },
      ],
    },
  ],
  [
    'a process that was killed in the middle of destroy() seemed never to have ended the channel',
    {
      row: 'socket/seqpacket',
      places: ['process', 'process'],
      steps: [
        { do: 'receive', end: 1, form: 'block' },
        { do: 'destroy', end: 0 },
        { do: 'kill', end: 0 },
      ],
    },
  ],
  [
    'a receive that was called with an aborted signal, and stood behind another, seemed to end with its socket',
    {
      row: 'socket/seqpacket',
      places: ['main', 'main'],
      steps: [
        { do: 'abort', end: 1, signal: 0 },
        { do: 'receive', end: 1, form: 'async' },
        { do: 'receive', end: 1, form: 'async', signal: 0 },
        { do: 'destroy', end: 1 },
      ],
    },
  ],
  [
    'a process of few descriptors had none left, because of what it received at once',
    {
      row: 'endpoint/seqpacket',
      places: ['main', 'limited'],
      steps: [
        { do: 'send', end: 0, form: 'block', count: 129 },
        { do: 'receive', end: 1, form: 'async', count: 129 },
      ],
    },
  ],
  [
    'the 129th send of a turn never came to an end',
    {
      row: 'endpoint/stream',
      places: ['main', 'main'],
      steps: [{ do: 'send', end: 1, form: 'async', count: 129 }, { do: 'settle' }],
    },
  ],
];

suite('histories that went wrong once', (test) => {
  for (const [what, history] of FOUND) {
    test(what, async () => {
      const { fault, undecided, trace } = await withPool((pool) => run(history, pool));
      assert.equal(fault?.message, undefined, trace);
      assert.equal(undecided, false);
    });
  }
});
