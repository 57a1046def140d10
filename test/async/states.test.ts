import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import {
  channel,
  ENDED,
  FRAMINGS,
  type Refusal,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { isOpen } from '../support/descriptors.ts';
import { fill } from '../support/raw.ts';
import { type State, states } from '../support/states.ts';
import { suite } from '../support/suite.ts';
import { assertRejects, observe, RECEIVE_CLOSED, SEND_CLOSED, sendTag, tagOf, turns } from './waits.ts';

const methods = {
  sendFDAsync: (own, file) => own.sendFDAsync(file),
  recvFDAsync: (own) => own.recvFDAsync(),
  iteration: async (own) => {
    const { done, value } = await own[Symbol.asyncIterator]().next();
    return done ? 'the end' : value;
  },
} satisfies Record<string, (own: Endpoint, file: number) => Promise<unknown>>;

type Method = keyof typeof methods;

/** It waits, is done, has received, the iteration has ended, or it was refused. */
type Result = Refusal | 'waits' | 'done' | 'descriptor' | 'the end';

type Row = Record<Method, Result>;

const ENDS: Row = { sendFDAsync: ENDED, recvFDAsync: ENDED, iteration: 'the end' };
const RECEIVES = { recvFDAsync: 'descriptor', iteration: 'descriptor' } as const;
const WAITS: Row = { sendFDAsync: 'done', recvFDAsync: 'waits', iteration: 'waits' };
const CLOSED: Row = { sendFDAsync: SEND_CLOSED, recvFDAsync: RECEIVE_CLOSED, iteration: RECEIVE_CLOSED };

const expected: Record<State, Row> = {
  open: WAITS,
  queued: { sendFDAsync: 'done', ...RECEIVES },
  full: { ...WAITS, sendFDAsync: 'waits' },
  'waiting to receive': WAITS,
  'waiting to send': { ...WAITS, sendFDAsync: 'waits' },
  'peer shut down': ENDS,
  'shut down': ENDS,
  'peer gone': ENDS,
  'peer gone, descriptor queued': { sendFDAsync: ENDED, ...RECEIVES },
  'peer gone with ours unread': ENDS,
  destroyed: CLOSED,
  detached: CLOSED,
};

async function assertResult(
  wait: Promise<unknown>,
  wanted: Result,
  own: Endpoint,
  what: string,
): Promise<void> {
  if (typeof wanted !== 'string') return assertRejects(wait, wanted, what);
  if (wanted === 'waits') {
    const observed = observe(wait);
    await turns();
    assert.equal(observed.state, 'pending', what);
    // What waits ends with the endpoint.
    own.destroy();
    await assertRejects(wait, what === 'sendFDAsync' ? SEND_CLOSED : RECEIVE_CLOSED, what);
    return;
  }
  const result = await wait;
  if (wanted === 'descriptor') closeFD(result as number);
  else assert.equal(result, wanted === 'done' ? undefined : wanted, what);
}

for (const framing of FRAMINGS) {
  for (const [state, row] of Object.entries(expected)) {
    suite(`an endpoint, ${state}, ${framing}, async`, (test) => {
      for (const [method, wanted] of Object.entries(row)) {
        test(`${method}: ${typeof wanted === 'string' ? wanted : wanted[1]}`, () =>
          withDescriptors([temporaryFile()], async (file) => {
            const [own, peer] = channel(framing);
            const sockfd = own.fd;
            states[state as State](own, peer, file);
            await assertResult(methods[method as Method](own, file), wanted, own, method);
            own.destroy();
            if (state === 'detached') closeFD(sockfd);
            assert.equal(isOpen(sockfd), false);
            peer.destroy();
          }));
      }
    });
  }
}

/** Who shuts the channel down: the end that waits, or the other one. */
const enders: [name: string, choose: (own: Endpoint, peer: Endpoint) => Endpoint][] = [
  ['its own end', (own) => own],
  ['its peer', (_, peer) => peer],
];

for (const framing of FRAMINGS) {
  for (const [ender, choose] of enders) {
    suite(`shutdown by ${ender}, ${framing}, async`, (test) => {
      test('before recvFDAsync: what was queued comes first, then the end', () =>
        withChannel(framing, async (own, peer) => {
          for (const tag of [1, 2]) sendTag(peer, tag);
          choose(own, peer).shutdown();
          for (const tag of [1, 2]) assert.equal(tagOf(await own.recvFDAsync()), tag);
          for (let i = 0; i < 3; i++) await assertRejects(own.recvFDAsync(), ENDED);
        }));

      test('during recvFDAsync: it wakes with the end', () =>
        withChannel(framing, async (own, peer) => {
          const waits = [observe(own.recvFDAsync()), observe(peer.recvFDAsync())];
          await turns();
          choose(own, peer).shutdown();
          for (const { promise } of waits) await assertRejects(promise, ENDED);
        }));

      test('after recvFDAsync: the end, as often as it is asked for', () =>
        withChannel(framing, async (own, peer) => {
          const received = own.recvFDAsync();
          sendTag(peer, 1);
          assert.equal(tagOf(await received), 1);
          choose(own, peer).shutdown();
          for (let i = 0; i < 3; i++) await assertRejects(own.recvFDAsync(), ENDED);
        }));

      test('before sendFDAsync: the end', () =>
        withChannel(framing, async (own, peer) => {
          choose(own, peer).shutdown();
          for (let i = 0; i < 3; i++) await assertRejects(own.sendFDAsync(0), ENDED);
        }));

      test('during sendFDAsync: it wakes with the end, and the peer receives what was sent', () =>
        withChannel(framing, (own, peer) =>
          withDescriptors([temporaryFile()], async (file) => {
            const full = fill(own, file);
            const sent = assertRejects(own.sendFDAsync(file), ENDED);
            await turns();
            choose(own, peer).shutdown();
            await sent;
            for (let i = 0; i < full; i++) closeFD(await peer.recvFDAsync());
            await assertRejects(peer.recvFDAsync(), ENDED);
          }),
        ));

      test('after sendFDAsync: the peer receives what was sent, then the end', () =>
        withChannel(framing, (own, peer) =>
          withDescriptors([temporaryFile('some')], async (file) => {
            await own.sendFDAsync(file);
            choose(own, peer).shutdown();
            assert.equal(tagOf(await peer.recvFDAsync()), 4);
            await assertRejects(peer.recvFDAsync(), ENDED);
            await assertRejects(own.sendFDAsync(file), ENDED);
          }),
        ));
    });
  }
}
