import assert from 'node:assert/strict';
import { suite } from '../support/suite.ts';
import { OK, SENT } from './outcome.ts';
import { control, receive, receiveAsync, Script, sendAsync, trySend } from './script.ts';

suite('the model', (test) => {
  const due: [what: string, expected: string[], script: (script: Script) => unknown][] = [
    ['nothing of a wait for what was not sent', [], (s) => s.begins(receiveAsync(1))],
    [
      'the first of two waits for what was sent',
      ['receive'],
      (s) => {
        s.begins(receiveAsync(1));
        s.begins(receiveAsync(1));
        s.did(trySend(0, 1), SENT);
      },
    ],
    [
      'a wait when the channel ends',
      ['receive'],
      (s) => {
        s.begins(receiveAsync(1));
        s.did(control(0, 'shutdown'), OK);
      },
    ],
    [
      'every wait at an end that was closed',
      ['receive', 'receive'],
      (s) => {
        s.begins(receiveAsync(1));
        s.begins(receiveAsync(1));
        s.did(control(1, 'destroy'), OK);
      },
    ],
    [
      'nothing of a wait behind a call that blocks',
      [],
      (s) => {
        s.begins(receive(1));
        s.begins(receiveAsync(1));
      },
    ],
    ['a send that finds room', ['send'], (s) => s.begins(sendAsync(0, 1))],
    [
      'nothing of a send that finds none',
      [],
      (s) => {
        s.did(trySend(0, 1), SENT).did(trySend(0, 2), SENT);
        s.begins(sendAsync(0, 3));
      },
    ],
  ];
  for (const [what, expected, script] of due) {
    test(`waits for ${what}`, () => {
      const s = new Script();
      assert.ok(s.model.isAtRest([]), 'nothing has happened yet');
      script(s);
      const kinds = s.model.due([]).map(({ kind }) => kind);
      assert.deepEqual(kinds, expected);
      assert.equal(s.model.isAtRest([]), expected.length === 0);
    });
  }
});
