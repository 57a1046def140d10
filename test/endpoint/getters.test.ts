import assert from 'node:assert/strict';
import { closeFD, type Endpoint, SyscallError } from '../../src/index.ts';
import { assertRefused, assertWorks, channel, FRAMINGS, type Refusal } from '../support/channel.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** So many calls in a row are done at once; the next one lets the event loop turn first. */
const A_TURN = 128;

/** What a getter may do to the endpoint whose method reads it, and the error's word for that. */
const ways: [way: string, says: RegExp, giveUp: (endpoint: Endpoint) => void][] = [
  ['destroys', /destroyed/, (endpoint) => endpoint.destroy()],
  ['detaches', /detached/, (endpoint) => closeFD(endpoint.detach())],
];

/** What a socket may be like when the call is made. */
const sockets: [what: string, prepare: (own: Endpoint, peer: Endpoint) => void][] = [
  ['an idle socket', () => {}],
  [
    'a full socket with something to receive',
    (own, peer) => {
      fill(own, 0);
      peer.sendFD(0);
    },
  ],
  [
    'a socket that has had its turn',
    (own, peer) => {
      for (let i = 0; i < A_TURN; i++) own.sendFDAsync(0).catch(() => {});
      for (let i = 0; i < A_TURN; i++) peer.sendFD(0);
      for (let i = 0; i < A_TURN; i++) own.recvFDAsync().then(closeFD, () => {});
    },
  ],
];

/** The calls that read something of the caller's, with a getter that first does something else. */
type Call = [what: string, syscall: string, call: (own: Endpoint, first: () => void) => unknown];
const calls: Call[] = [
  ['the fd of sendFD’s source', 'sendmsg', (own, first) => own.sendFD(source(first))],
  ['the fd of trySendFD’s source', 'sendmsg', (own, first) => own.trySendFD(source(first))],
  ['the fd of sendFDAsync’s source', 'sendmsg', (own, first) => own.sendFDAsync(source(first))],
  ['sendFD’s timeout', 'sendmsg', (own, first) => own.sendFD(0, limited(first, 1000))],
  ['sendFD’s timeout, which is none', 'sendmsg', (own, first) => own.sendFD(0, limited(first))],
  ['sendFDAsync’s signal', 'sendmsg', (own, first) => own.sendFDAsync(0, abortable(first))],
  ['recvFD’s timeout', 'recvmsg', (own, first) => own.recvFD(limited(first, 1000))],
  ['recvFD’s timeout, which is none', 'recvmsg', (own, first) => own.recvFD(limited(first))],
  ['recvFDAsync’s signal', 'recvmsg', (own, first) => own.recvFDAsync(abortable(first))],
  ['descriptors’ signal', 'recvmsg', (own, first) => own.descriptors(abortable(first)).next()],
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

async function thrownBy(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  assert.fail('nothing was thrown');
}

for (const framing of FRAMINGS) {
  for (const [socket, prepare] of sockets) {
    suite(`a getter that gives the endpoint up, ${socket}, ${framing}`, (test) => {
      for (const [what, syscall, call] of calls) {
        for (const [way, says, giveUp] of ways) {
          test(`${what} ${way} it: the call is refused, and touches no successor`, async () => {
            const [own, peer] = channel(framing);
            const number = own.fd;
            prepare(own, peer);
            let successors: [Endpoint, Endpoint] | undefined;
            const thrown = await thrownBy(() =>
              call(own, () => {
                if (successors) return;
                giveUp(own);
                successors = channel(framing);
              }),
            );
            const closed: Refusal = [SyscallError, 'EBADF', { syscall, errno: -9 }];
            assertRefused(() => {
              throw thrown;
            }, closed);
            assert.match(thrown.message, says);
            assert.equal(own.fd, -1);
            const [near, far] = successors ?? assert.fail('the getter was not called');
            assert.ok([near.fd, far.fd].includes(number), 'the number is in use again');
            assertWorks(near, far);
            for (const endpoint of [near, far, peer]) endpoint.destroy();
          });
        }
      }
    });
  }
}
