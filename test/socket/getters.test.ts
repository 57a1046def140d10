import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { assertWorks } from '../support/channel.ts';
import { waysOut } from '../support/endings.ts';
import { type End, type Kind, PASSERS } from '../support/ends.ts';
import { assertRejects, gone } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

/** So many calls in a row are done at once; the next one lets the event loop turn first. */
const A_TURN = 128;

/** What a socket may be like when the call is made. */
const sockets: [what: string, prepare: (own: End, peer: End, kind: Kind) => void][] = [
  ['an idle socket', () => {}],
  [
    'a full socket with something to receive',
    (own, peer, kind) => {
      kind.fill(own, 0);
      peer.send(0);
    },
  ],
  [
    'a socket that has had its turn',
    (own, peer) => {
      for (let i = 0; i < A_TURN; i++) own.sendAsync(0).catch(() => {});
      for (let i = 0; i < A_TURN; i++) peer.send(0);
      for (let i = 0; i < A_TURN; i++) own.receiveAsync().then(closeFD, () => {});
    },
  ],
];

/** The calls that read something of the caller's, with a getter that first does something else. */
type Call = [what: string, syscall: string, call: (own: End, first: () => void) => unknown];
const calls: Call[] = [
  ['the fd of send’s source', 'sendmsg', (own, first) => own.send(source(first))],
  ['the fd of trySend’s source', 'sendmsg', (own, first) => own.trySend(source(first))],
  ['the fd of sendAsync’s source', 'sendmsg', (own, first) => own.sendAsync(source(first))],
  ['send’s timeout', 'sendmsg', (own, first) => own.send(0, limited(first, 1000))],
  ['send’s timeout, which is none', 'sendmsg', (own, first) => own.send(0, limited(first))],
  ['sendAsync’s signal', 'sendmsg', (own, first) => own.sendAsync(0, abortable(first))],
  ['receive’s timeout', 'recvmsg', (own, first) => own.receive(limited(first, 1000))],
  ['receive’s timeout, which is none', 'recvmsg', (own, first) => own.receive(limited(first))],
  ['receiveAsync’s signal', 'recvmsg', (own, first) => own.receiveAsync(abortable(first))],
  ['iterate’s signal', 'recvmsg', (own, first) => own.iterate(abortable(first)).next()],
];

const source = (first: () => void): { readonly fd: number } => ({
  get fd() {
    first();
    return 0;
  },
});

const limited = (first: () => void, timeout?: number): { readonly timeout: number | undefined } => ({
  get timeout() {
    first();
    return timeout;
  },
});

const abortable = (first: () => void): { readonly signal: AbortSignal } => ({
  get signal() {
    first();
    return new AbortController().signal;
  },
});

for (const kind of PASSERS) {
  for (const [socket, prepare] of sockets) {
    suite(`a getter that gives the end up, ${socket}, ${kind.name}`, (test) => {
      for (const [what, syscall, call] of calls) {
        for (const [way, giveUp, past] of waysOut) {
          test(`${what}, by ${way}: the call is refused, and touches no successor`, async () => {
            const [own, peer] = kind.pair();
            const number = own.fd;
            prepare(own, peer, kind);
            let successors: [End, End] | undefined;
            const giveUpOnce = (): void => {
              if (successors) return;
              giveUp(own);
              successors = kind.pair();
            };
            // Some of the calls throw, and some reject.
            await assertRejects((async () => call(own, giveUpOnce))(), gone(syscall, own, past));
            const [near, far] = successors ?? assert.fail('the getter was not called');
            assert.ok([near.fd, far.fd].includes(number), 'the number is in use again');
            assertWorks(near, far);
            for (const end of [near, far, peer]) end.destroy();
          });
        }
      }
    });
  }
}
