import assert from 'node:assert/strict';
import { suite } from '../support/suite.ts';
import type { Rules } from './kernel.ts';
import { Impossible } from './model.ts';
import {
  ABORTED,
  CALLED,
  EMFILE,
  ENDED,
  FULL,
  NO_DESCRIPTOR,
  NOTHING,
  OK,
  received,
  refused,
  SENT,
  TRUNCATED,
} from './outcome.ts';
import { abort, control, receiveAsync, Script, sendAsync, tryReceive, trySend } from './script.ts';
import { EMPTY, MANY, PLAIN } from './state.ts';

const STREAM: Partial<Rules> = { type: 'stream', readsAhead: true };

/** What the model takes for possible. */
const possible: [what: string, script: (script: Script) => unknown, rules?: Partial<Rules>][] = [
  [
    'what was sent comes in order',
    (s) =>
      s
        .did(trySend(0, 1), SENT)
        .did(trySend(0, 2), SENT)
        .did(tryReceive(1), received(1))
        .did(tryReceive(1), received(2))
        .did(tryReceive(1), NOTHING),
  ],
  [
    'the receive that was asked first may come to nothing, or to what is sent meanwhile',
    (s) => {
      const [a, b] = [s.begins(receiveAsync(1)), s.begins(tryReceive(1))];
      s.did(trySend(0, 1), SENT).came(b, NOTHING).came(a, received(1));
    },
  ],
  [
    'of a wait and a call that does not wait, either takes it',
    (s) => {
      const wait = s.begins(receiveAsync(1));
      s.did(trySend(0, 1), SENT).did(tryReceive(1), received(1)).did(trySend(0, 2), SENT);
      s.came(wait, received(2));
    },
  ],
  [
    'a socket that a poll(2) under way holds takes what is sent, and has not come to its end, for a moment after destroy()',
    (s) => {
      s.did(control(1, 'destroy'), OK).did(trySend(0, 1), SENT).did(tryReceive(0), NOTHING);
      s.did(tryReceive(0), ENDED).did(trySend(0, 2), ENDED);
    },
    { held: true },
  ],
  [
    'a send in another thread may have found the socket full before a receive',
    (s) => {
      s.did(trySend(0, 1), SENT).did(trySend(0, 2), SENT);
      const other = s.begins(trySend(0, 3));
      s.did(tryReceive(1), received(1)).came(other, FULL);
    },
  ],
  [
    'a send that had to wait is aborted, and was not sent',
    (s) => {
      s.did(trySend(0, 1), SENT).did(trySend(0, 2), SENT);
      const wait = s.begins(sendAsync(0, 3, { signal: 1 }));
      s.came(wait, CALLED).did(abort(0, 1), OK).came(wait, ABORTED);
      s.did(tryReceive(1), received(1)).did(tryReceive(1), received(2)).did(tryReceive(1), NOTHING);
    },
  ],
  [
    'what was sent comes before the end',
    (s) =>
      s
        .did(trySend(0, 1), SENT)
        .did(control(0, 'destroy'), OK)
        .did(tryReceive(1), received(1))
        .did(tryReceive(1), ENDED)
        .did(trySend(1, 2), ENDED),
  ],
  [
    'a killed process has sent, or has not, what it did not tell',
    (s) => {
      const untold = s.begins(trySend(0, 1));
      s.did(control(0, 'kill'), OK).model.drop(0);
      assert.ok(untold > 0);
      s.did(tryReceive(1), received(1)).did(tryReceive(1), ENDED);
    },
  ],
  [
    'empty packets before the end are told, or are the end',
    (s) =>
      s
        .did(trySend(0, EMPTY), SENT)
        .did(trySend(0, EMPTY), SENT)
        .did(control(0, 'destroy'), OK)
        .did(tryReceive(1), NO_DESCRIPTOR)
        .did(tryReceive(1), ENDED),
  ],
  [
    'bytes without a descriptor run into the descriptor behind them',
    (s) => s.did(trySend(0, PLAIN), SENT).did(trySend(0, 1), SENT).did(tryReceive(1), received(1)),
    { type: 'stream' },
  ],
  [
    'a process without descriptors loses one, and may not be able to wait',
    (s) => {
      s.did(control(1, 'exhaust'), OK).did(trySend(0, 1), SENT).did(tryReceive(1), TRUNCATED);
      s.did(receiveAsync(1), EMFILE).did(control(1, 'relieve'), OK);
      s.did(trySend(0, 2), SENT).did(tryReceive(1), received(2));
    },
  ],
  [
    'an end that reads ahead takes more than a socket has room for',
    (s) => {
      for (const tag of [1, 2, 3, 4]) s.did(trySend(0, tag), SENT);
      for (const tag of [1, 2, 3, 4]) s.did(tryReceive(1), received(tag));
    },
    STREAM,
  ],
  [
    'a stream whose send has failed has lost what lay before it, from somewhere on',
    (s) => {
      for (const tag of [1, 2, 3]) s.did(trySend(0, tag), SENT);
      s.did(control(0, 'destroy'), OK).did(trySend(1, 4), ENDED);
      s.did(tryReceive(1), received(1)).did(tryReceive(1), ENDED).did(tryReceive(1), ENDED);
    },
    STREAM,
  ],
  [
    'a detached end has told its waits, and the next one goes on',
    (s) => {
      const wait = s.begins(receiveAsync(1));
      s.did(control(1, 'readopt'), OK).came(wait, refused('EBADF', 'recvmsg'));
      s.did(trySend(0, 1), SENT).did(tryReceive(1), received(1));
    },
  ],
  [
    'a receive whose signal had aborted when it was called is aborted, though it stands behind another as its end closes',
    (s) => {
      s.did(abort(1, 1), OK);
      const [wait, aborted] = [s.begins(receiveAsync(1)), s.begins(receiveAsync(1, 1))];
      s.did(control(1, 'destroy'), OK).came(aborted, ABORTED).came(wait, refused('EBADF', 'recvmsg'));
    },
  ],
];

/** What it does not: the last answer of each is the one that cannot be. */
const impossible: [what: string, script: (script: Script) => unknown, rules?: Partial<Rules>][] = [
  ['nothing, where something lies', (s) => s.did(trySend(0, 1), SENT).did(tryReceive(1), NOTHING)],
  ['what was not sent', (s) => s.did(trySend(0, 1), SENT).did(tryReceive(1), received(2))],
  [
    'the same twice',
    (s) => s.did(trySend(0, 1), SENT).did(tryReceive(1), received(1)).did(tryReceive(1), received(1)),
  ],
  [
    'the second before the first',
    (s) => s.did(trySend(0, 1), SENT).did(trySend(0, 2), SENT).did(tryReceive(1), received(2)),
  ],
  ['no room, where there is some', (s) => s.did(trySend(0, 1), SENT).did(trySend(0, 2), FULL)],
  [
    'room, where there is none',
    (s) => s.did(trySend(0, 1), SENT).did(trySend(0, 2), SENT).did(trySend(0, 3), SENT),
  ],
  ['the end, while the channel goes on', (s) => s.did(tryReceive(1), ENDED)],
  [
    'the end before what was sent',
    (s) => s.did(trySend(0, 1), SENT).did(control(0, 'destroy'), OK).did(tryReceive(1), ENDED),
  ],
  [
    'the end of a stream before what was sent, though no send has failed',
    (s) => s.did(trySend(0, 1), SENT).did(control(0, 'destroy'), OK).did(tryReceive(1), ENDED),
    STREAM,
  ],
  [
    'what comes behind the end of a stream whose send has failed',
    (s) => {
      for (const tag of [1, 2]) s.did(trySend(0, tag), SENT);
      s.did(control(0, 'destroy'), OK).did(trySend(1, 3), ENDED);
      s.did(tryReceive(1), ENDED).did(tryReceive(1), received(1));
    },
    STREAM,
  ],
  [
    'the end, while a descriptor lies behind an empty packet',
    (s) =>
      s
        .did(trySend(0, EMPTY), SENT)
        .did(trySend(0, 1), SENT)
        .did(control(0, 'destroy'), OK)
        .did(tryReceive(1), ENDED),
  ],
  [
    'the wait that came last, served first',
    (s) => {
      const [, second] = [s.begins(receiveAsync(1)), s.begins(receiveAsync(1))];
      s.did(trySend(0, 1), SENT).came(second, received(1));
    },
  ],
  ['an abort that nobody made', (s) => s.did(receiveAsync(1, 1), ABORTED)],
  [
    'the end of its socket, of a receive whose signal had aborted when it was called',
    (s) => {
      s.did(abort(1, 1), OK);
      const [, aborted] = [s.begins(receiveAsync(1)), s.begins(receiveAsync(1, 1))];
      s.did(control(1, 'destroy'), OK).came(aborted, refused('EBADF', 'recvmsg'));
    },
  ],
  [
    'an abort that took something along',
    (s) => {
      const wait = s.begins(receiveAsync(1, 1));
      s.did(trySend(0, 1), SENT).did(abort(1, 1), OK).came(wait, ABORTED).did(tryReceive(1), NOTHING);
    },
  ],
  [
    'something sent after its abort',
    (s) => {
      s.did(trySend(0, 1), SENT).did(trySend(0, 2), SENT);
      const wait = s.begins(sendAsync(0, 3, { signal: 1 }));
      s.came(wait, CALLED).did(abort(0, 1), OK).came(wait, SENT);
    },
  ],
  [
    'one of two descriptors as if it were the only one',
    (s) => s.did(trySend(0, MANY), SENT).did(tryReceive(1), NO_DESCRIPTOR),
  ],
  [
    'a lost descriptor, where there is room for it',
    (s) => s.did(trySend(0, 1), SENT).did(tryReceive(1), TRUNCATED),
  ],
  [
    'what goes to a destroyed end that nothing holds',
    (s) => s.did(control(1, 'destroy'), OK).did(trySend(0, 1), SENT),
  ],
  ['anything but EBADF of a closed end', (s) => s.did(control(1, 'destroy'), OK).did(tryReceive(1), ENDED)],
  [
    'packets that run into each other',
    (s) => s.did(trySend(0, PLAIN), SENT).did(trySend(0, 1), SENT).did(tryReceive(1), received(1)),
  ],
  [
    'a second answer',
    (s) => {
      const id = s.begins(tryReceive(1));
      s.came(id, NOTHING).came(id, NOTHING);
    },
  ],
];

suite('the model', (test) => {
  for (const [what, script, rules] of possible) {
    test(`knows that ${what}`, () => void script(new Script(rules)));
  }
  for (const [what, script, rules] of impossible) {
    test(`refuses ${what}`, () => assert.throws(() => script(new Script(rules)), Impossible));
  }

  test('says what would have been possible', () => {
    const script = new Script().did(trySend(0, 7), SENT);
    assert.throws(
      () => script.did(tryReceive(1), NOTHING),
      new Impossible('came to nothing, and what went before allows descriptor 7'),
    );
  });
});
