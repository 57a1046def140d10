import assert from 'node:assert/strict';
import { closeFD, type Endpoint, SyscallError } from '../../src/index.ts';
import {
  assertReceives,
  assertRefused,
  channel,
  ENDED,
  FRAMINGS,
  NOTHING_THERE,
  type Refusal,
  TIMED_OUT,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { isOpen } from '../support/descriptors.ts';
import { type State, states } from '../support/states.ts';
import { suite } from '../support/suite.ts';

const methods = {
  fd: (own) => own.fd,
  sendFD: (own, file) => own.sendFD(file),
  'recvFD, timeout 0': (own) => own.recvFD({ timeout: 0 }),
  recvFDNonblock: (own) => own.recvFDNonblock(),
  tryRecvFD: (own) => own.tryRecvFD(),
  shutdown: (own) => own.shutdown(),
  destroy: (own) => own.destroy(),
  dispose: (own) => own[Symbol.dispose](),
  detach: (own) => own.detach(),
  ref: (own) => own.ref(),
  unref: (own) => own.unref(),
} satisfies Record<string, (own: Endpoint, file: number) => unknown>;

type Method = keyof typeof methods;

/** What comes back: a refusal, undefined, the endpoint, its socket, -1, or a received descriptor. */
type Result = Refusal | 'nothing' | 'itself' | 'socket' | '-1' | 'descriptor';

const EBADF = (syscall: string): Refusal => [SyscallError, 'EBADF', { syscall, errno: -9 }];

const RECEIVES = ['recvFD, timeout 0', 'recvFDNonblock', 'tryRecvFD'] as const;

const receives = (result: Result): Record<(typeof RECEIVES)[number], Result> => ({
  'recvFD, timeout 0': result,
  recvFDNonblock: result,
  tryRecvFD: result,
});

const alive = {
  fd: 'socket',
  sendFD: 'nothing',
  'recvFD, timeout 0': TIMED_OUT,
  recvFDNonblock: NOTHING_THERE,
  tryRecvFD: 'nothing',
  shutdown: 'nothing',
  destroy: 'nothing',
  dispose: 'nothing',
  detach: 'socket',
  ref: 'itself',
  unref: 'itself',
} satisfies Record<Method, Result>;

const ended = { ...alive, sendFD: ENDED, ...receives(ENDED) };

const closed = {
  fd: '-1',
  sendFD: EBADF('sendmsg'),
  ...receives(EBADF('recvmsg')),
  shutdown: EBADF('shutdown'),
  destroy: 'nothing',
  dispose: 'nothing',
  detach: EBADF('detach'),
  ref: EBADF('ref'),
  unref: EBADF('unref'),
} satisfies Record<Method, Result>;

// That it blocks where there is no room is in test/endpoint/queue.test.ts.
const { sendFD: _, ...withoutRoom } = alive;

const expected: Record<State, Partial<Record<Method, Result>>> = {
  open: alive,
  queued: { ...alive, ...receives('descriptor') },
  full: withoutRoom,
  'waiting to receive': alive,
  'waiting to send': withoutRoom,
  'peer shut down': ended,
  'shut down': ended,
  'peer gone': ended,
  'peer gone, descriptor queued': { ...ended, ...receives('descriptor') },
  'peer gone with ours unread': ended,
  destroyed: closed,
  detached: closed,
};

function assertResult(
  result: unknown,
  wanted: Exclude<Result, Refusal>,
  own: Endpoint,
  sockfd: number,
): void {
  if (wanted === 'descriptor') {
    assert.notEqual(result, sockfd);
    closeFD(result as number);
  } else {
    const values = { nothing: undefined, itself: own, socket: sockfd, '-1': -1 };
    assert.equal(result, values[wanted]);
  }
}

for (const framing of FRAMINGS) {
  for (const [state, methodsThere] of Object.entries(expected)) {
    suite(`an endpoint, ${state}, ${framing}`, (test) => {
      for (const [method, wanted] of Object.entries(methodsThere)) {
        test(`${method}: ${typeof wanted === 'string' ? wanted : wanted[1]}`, () =>
          withDescriptors([temporaryFile()], (file) => {
            const [own, peer] = channel(framing);
            const sockfd = own.fd;
            states[state as State](own, peer, file);
            const call = (): unknown => methods[method as Method](own, file);
            if (typeof wanted === 'string') assertResult(call(), wanted, own, sockfd);
            else assertRefused(call, wanted);
            own.destroy();
            assert.equal(own.fd, -1);
            if (isOpen(sockfd)) {
              assert.ok(state === 'detached' || method === 'detach', 'only detach leaves the socket open');
              closeFD(sockfd);
            }
            peer.destroy();
          }));
      }
    });
  }
}

for (const framing of FRAMINGS) {
  suite(`a peer that closed without having received everything, ${framing}`, (test) => {
    for (const unread of [1, 2, 3]) {
      test(`${unread} unread: what it sent comes first, then the end`, () =>
        withChannel(framing, (own, peer) =>
          withDescriptors([temporaryFile()], (file) => {
            for (let i = 0; i < unread; i++) own.sendFD(0);
            peer.sendFD(file);
            peer.destroy();
            assertReceives(own, file);
            for (let i = 0; i < 2; i++) assertRefused(() => own.recvFD({ timeout: 0 }), ENDED);
            assertRefused(() => own.sendFD(0), ENDED);
          }),
        ));

      test(`${unread} unread: the end of sending`, () =>
        withChannel(framing, (own, peer) => {
          for (let i = 0; i < unread; i++) own.sendFD(0);
          peer.destroy();
          for (let i = 0; i < 2; i++) assertRefused(() => own.sendFD(0), ENDED);
        }));
    }
  });
}
