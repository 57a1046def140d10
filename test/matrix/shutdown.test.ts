import assert from 'node:assert/strict';
import type { Framing } from '../../src/abi/abi.ts';
import { closeFD, type Endpoint } from '../../src/index.ts';
import type { Calls, Outcome } from '../fixtures/calls-endpoint.ts';
import { callAllInThread, callInThread } from '../support/calls.ts';
import {
  assertReceives,
  assertRefused,
  channel,
  ENDED,
  FRAMINGS,
  NOTHING_THERE,
  SOON,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { setNonblocking } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** More than a socket has room for. */
const TOO_MANY = 400;

/** A wake takes microseconds; this is for a machine that is busy. */
const WAKES_WITHIN = 2000;

const HAS_ENDED = { threw: { name: 'ChannelError', code: ENDED[1] } };

/** Who shuts the channel down: the end that is in a call, or the other one. */
const enders: [name: string, choose: (own: Endpoint, peer: Endpoint) => Endpoint][] = [
  ['its own end', (own) => own],
  ['its peer', (_, peer) => peer],
];

const receivers: [form: string, receive: (endpoint: Endpoint) => number | undefined][] = [
  ['recvFD', (endpoint) => endpoint.recvFD(SOON)],
  ['recvFDNonblock', (endpoint) => endpoint.recvFDNonblock()],
  ['tryRecvFD', (endpoint) => endpoint.tryRecvFD()],
];

/** Calls that block, and the system call in which they do. */
const waits: [name: string, nonblocking: boolean, options: object | undefined, syscall: string][] = [
  ['recvFD', false, undefined, 'poll'],
  ['recvFD on an O_NONBLOCK socket', true, undefined, 'poll'],
  ['recvFD with a timeout', false, SOON, 'poll'],
];

function assertEnded(endpoint: Endpoint): void {
  for (const [form, receive] of receivers) assertRefused(() => receive(endpoint), ENDED, form);
  assertRefused(() => endpoint.sendFD(0), ENDED, 'sendFD');
}

function blockable(framing: Framing, nonblocking: boolean): [own: Endpoint, peer: Endpoint] {
  const [own, peer] = channel(framing);
  if (nonblocking) setNonblocking(own.fd);
  return [own, peer];
}

function assertWoke(since: number): void {
  const elapsed = performance.now() - since;
  assert.ok(elapsed < WAKES_WITHIN, `woke after ${elapsed} ms`);
}

for (const framing of FRAMINGS) {
  for (const [ender, choose] of enders) {
    suite(`shutdown by ${ender}, ${framing}`, (test) => {
      for (const [form, receive] of receivers) {
        test(`before ${form}: what was queued comes first, then the end`, () =>
          withChannel(framing, (own, peer) =>
            withDescriptors([temporaryFile(), temporaryFile()], (...sent) => {
              for (const fd of sent) peer.sendFD(fd);
              choose(own, peer).shutdown();
              for (const fd of sent) assertReceives(own, fd, receive);
              for (const endpoint of [own, peer]) assertEnded(endpoint);
            }),
          ));

        test(`after ${form}: the end, as often as it is asked for`, () =>
          withChannel(framing, (own, peer) =>
            withDescriptors([temporaryFile()], (fd) => {
              peer.sendFD(fd);
              assertReceives(own, fd, receive);
              assertRefused(() => own.recvFDNonblock(), NOTHING_THERE);
              choose(own, peer).shutdown();
              for (let i = 0; i < 3; i++) assertRefused(() => receive(own), ENDED);
              for (const endpoint of [own, peer]) assertEnded(endpoint);
            }),
          ));
      }

      test('before sendFD: the end', () =>
        withChannel(framing, (own, peer) => {
          choose(own, peer).shutdown();
          for (let i = 0; i < 3; i++) assertRefused(() => own.sendFD(0), ENDED);
          for (const endpoint of [own, peer]) assertEnded(endpoint);
        }));

      test('after sendFD: the peer receives what was sent, then the end', () =>
        withChannel(framing, (own, peer) =>
          withDescriptors([temporaryFile(), temporaryFile()], (...sent) => {
            for (const fd of sent) own.sendFD(fd);
            choose(own, peer).shutdown();
            assertRefused(() => own.sendFD(0), ENDED);
            for (const fd of sent) assertReceives(peer, fd);
            for (const endpoint of [own, peer]) assertEnded(endpoint);
          }),
        ));

      test('wakes recvFD that blocks in a worker', async () => {
        const channels = waits.map(([, nonblocking]) => blockable(framing, nonblocking));
        const thread = await callAllInThread(
          ...channels.map(
            ([own], i): Calls => ({
              sockfd: own.fd,
              calls: [['recvFD', waits[i]?.[2]], ['recvFD'], ['sendFD', 0]],
            }),
          ),
        );
        for (const [i, [own, peer]] of channels.entries()) {
          const [name, , , syscall] = waits[i] as (typeof waits)[number];
          assert.equal(await thread.blocked(), syscall, name);
          const start = performance.now();
          choose(own, peer).shutdown();
          for (let call = 0; call < 3; call++) assert.deepEqual(await thread.next(), HAS_ENDED, name);
          assertWoke(start);
        }
        await thread.exit;
        for (const endpoint of channels.flat()) endpoint.destroy();
      });

      test('wakes sendFD that blocks in a worker, and what it had sent is received', async () => {
        const channels = [false, true].map((nonblocking) => blockable(framing, nonblocking));
        const calls: Calls['calls'] = Array(TOO_MANY).fill(['sendFD', 0]);
        const thread = await callAllInThread(...channels.map(([own]) => ({ sockfd: own.fd, calls })));
        for (const [own, peer] of channels) {
          assert.equal(await thread.blocked(), 'poll');
          const start = performance.now();
          choose(own, peer).shutdown();
          const outcomes: Outcome[] = [];
          for (let call = 0; call < TOO_MANY; call++) outcomes.push(await thread.next());
          assertWoke(start);
          const sent = outcomes.findIndex(({ threw }) => threw);
          assert.ok(sent > 0, `${sent} were sent`);
          assert.deepEqual(outcomes.slice(sent), Array(TOO_MANY - sent).fill(HAS_ENDED));
          for (let call = 0; call < sent; call++) closeFD(peer.recvFD(SOON));
          for (const endpoint of [own, peer]) assertEnded(endpoint);
        }
        await thread.exit;
        for (const endpoint of channels.flat()) endpoint.destroy();
      });
    });
  }

  suite(`shutdown, ${framing}`, (test) => {
    test('a second time does nothing, on either end', () =>
      withChannel(framing, (a, b) => {
        for (const endpoint of [a, a, b, b, a]) assert.equal(endpoint.shutdown(), undefined);
        for (const endpoint of [a, b]) assertEnded(endpoint);
      }));

    test('after the peer is gone does nothing', () =>
      withChannel(framing, (a, b) => {
        b.destroy();
        for (let i = 0; i < 2; i++) assert.equal(a.shutdown(), undefined);
        assertEnded(a);
      }));

    test('wakes both ends at once', () =>
      withChannel(framing, async (a, b) => {
        const threads = await Promise.all([callInThread(a.fd, ['recvFD']), callInThread(b.fd, ['recvFD'])]);
        for (const thread of threads) await thread.blocked();
        a.shutdown();
        for (const thread of threads) {
          assert.deepEqual(await thread.next(), HAS_ENDED);
          await thread.exit;
        }
      }));
  });
}
