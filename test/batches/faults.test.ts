import assert from 'node:assert/strict';
import type { Framing } from '../../src/abi/abi.ts';
import { ChannelError, closeFD, type Endpoint } from '../../src/index.ts';
import { batchSuites, drainTags, range, tagsOf, withTags } from '../support/batches.ts';
import { assertReceives, assertWorks, WITHIN_SECONDS } from '../support/channel.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { EndpointEnd } from '../support/ends.ts';
import { SO_PASSCRED, SO_PASSPIDFD, sendRaw, switchOff, switchOn } from '../support/raw.ts';
import {
  assertRefused,
  assertRejects,
  ENDED,
  NO_DESCRIPTOR,
  type Refusal,
  TRUNCATED,
} from '../support/refusals.ts';
import { skip } from '../support/suite.ts';

/** A message that an endpoint refuses, and how. */
interface Bad {
  readonly what: string;
  readonly refusal: Refusal;
  send(sockfd: number): void;
}

const bad = (what: string, refusal: Refusal, bytes: number, descriptors: number): Bad => ({
  what,
  refusal,
  send: (sockfd) => sendRaw(sockfd, bytes, Array(descriptors).fill(0)),
});

/** The kernel delivers bytes without a descriptor together with those that have one: only on packets are they alone. */
const badOf = (framing: Framing): Bad[] => [
  bad('two descriptors', TRUNCATED, 1, 2),
  bad('253 descriptors', TRUNCATED, 1, 253),
  ...(framing === 'stream'
    ? []
    : [
        bad('no descriptor', NO_DESCRIPTOR, 0, 0),
        bad('data and no descriptor', NO_DESCRIPTOR, 1000, 0),
        bad('two descriptors without data', TRUNCATED, 0, 2),
      ]),
];

/** Every form that receives. */
const receivers: [form: string, receive: (endpoint: Endpoint) => unknown][] = [
  ['recvFD', async (endpoint) => endpoint.recvFD()],
  ['recvFD with a timeout', async (endpoint) => endpoint.recvFD(WITHIN_SECONDS)],
  ['recvFDNonblock', async (endpoint) => endpoint.recvFDNonblock()],
  ['tryRecvFD', async (endpoint) => endpoint.tryRecvFD()],
  ['recvFDAsync', (endpoint) => endpoint.recvFDAsync()],
  ['iteration', (endpoint) => endpoint[Symbol.asyncIterator]().next()],
  ['recvFDs', async (endpoint) => endpoint.recvFDs()],
  ['recvFDs of one', async (endpoint) => endpoint.recvFDs({ max: 1 })],
  ['recvFDs with a timeout', async (endpoint) => endpoint.recvFDs(WITHIN_SECONDS)],
  ['tryRecvFDs', async (endpoint) => endpoint.tryRecvFDs()],
  ['recvFDsAsync', (endpoint) => endpoint.recvFDsAsync()],
];

/** The forms that receive many. */
const batches = receivers.filter(([form]) => form.includes('FDs') && !form.includes('one')) as [
  string,
  (endpoint: Endpoint) => Promise<number[]>,
][];

batchSuites('a bad message among many', (test, framing) => {
  for (const { what, refusal, send } of badOf(framing)) {
    for (const [form, receive] of batches) {
      test(`${what}, ${form}: the good ones on both sides come in order, then the error, once`, (a, b) =>
        withTags([1, 2, 3], async (one, two, three) => {
          const before = openDescriptors();
          a.sendFDs([one as number, two as number]);
          send(a.fd);
          a.sendFD(three as number);
          assert.deepEqual(tagsOf(await receive(b)), [1, 2, 3]);
          assert.deepEqual(changes(before, openDescriptors()), []);
          await assertRejects(receive(b), refusal);
          assertWorks(a, b);
        }));
    }

    for (const [form, receive] of receivers) {
      test(`${what}: the error comes with the next call, which is ${form}, before what is queued`, (a, b) =>
        withTags([1, 2], async (one, two) => {
          a.sendFD(one as number);
          send(a.fd);
          assert.deepEqual(tagsOf(b.recvFDs()), [1]);
          a.sendFD(two as number);
          await assertRejects(receive(b) as Promise<unknown>, refusal, form);
          assert.deepEqual(drainTags(b), [2]);
          assertWorks(a, b);
        }));
    }

    test(`${what}, several of them among good ones: an error for each`, (a, b) =>
      withTags([1, 2], (one, two) => {
        for (const file of [one, two]) {
          send(a.fd);
          a.sendFD(file as number);
        }
        send(a.fd);
        assert.deepEqual(tagsOf(b.recvFDs()), [1, 2]);
        for (let i = 0; i < 3; i++) assertRefused(() => b.tryRecvFDs(), refusal);
        assertWorks(a, b);
      }));

    test(`${what} alone, three times: each is thrown`, (a, b) => {
      const before = openDescriptors();
      for (let i = 0; i < 3; i++) send(a.fd);
      // On a stream, what has no descriptor joins: none of those is asked for here.
      for (let i = 0; i < 3; i++) assertRefused(() => b.recvFDs(WITHIN_SECONDS), refusal);
      assert.deepEqual(changes(before, openDescriptors()), []);
      assertWorks(a, b);
    });

    test(`${what} before the end: the good one, the error, the end`, (a, b) =>
      withTags([1], (one) => {
        a.sendFD(one as number);
        send(a.fd);
        a.sendFD(0);
        a.destroy();
        const fds = b.recvFDs();
        assert.equal(fds.length, 2);
        tagsOf(fds);
        assertRefused(() => b.recvFDs(), refusal);
        for (let i = 0; i < 2; i++) assertRefused(() => b.recvFDs(), ENDED);
      }));

    test(`${what}, and the endpoint is destroyed before it is told`, (a, b) =>
      withTags([1], (one) => {
        a.sendFD(one as number);
        send(a.fd);
        assert.deepEqual(tagsOf(b.recvFDs()), [1]);
        b.destroy();
        for (let i = 0; i < 2; i++) assertRefused(() => b.tryRecvFDs(), [Error, 'EBADF']);
      }));

    test(`${what}, and the endpoint is detached before it is told: what is queued is still there`, (a, b) =>
      withTags([1, 2], (one, two) => {
        a.sendFD(one as number);
        send(a.fd);
        assert.deepEqual(tagsOf(b.recvFDs()), [1]);
        a.sendFD(two as number);
        const again = new EndpointEnd(b.detach());
        try {
          assertReceives(again, two as number);
          assertWorks(a, again);
        } finally {
          again.destroy();
        }
      }));

    test(`${what}, and the endpoint is shut down before it is told: the error, what is queued, the end`, (a, b) =>
      withTags([1, 2], (one, two) => {
        a.sendFD(one as number);
        send(a.fd);
        assert.deepEqual(tagsOf(b.recvFDs()), [1]);
        a.sendFD(two as number);
        b.shutdown();
        assertRefused(() => b.recvFDs(), refusal);
        assert.deepEqual(tagsOf(b.recvFDs()), [2]);
        assertRefused(() => b.recvFDs(), ENDED);
      }));
  }

  test('a batch takes no more messages than it was asked for, bad ones counted', (a, b) =>
    withTags([1, 2, 3], (one, two, three) => {
      a.sendFD(one as number);
      sendRaw(a.fd, 1, [0, 0]);
      a.sendFDs([two as number, three as number]);
      assert.deepEqual(tagsOf(b.recvFDs({ max: 3 })), [1, 2]);
      assertRefused(() => b.recvFDs(), TRUNCATED);
      assert.deepEqual(tagsOf(b.recvFDs()), [3]);
    }));

  test('different faults come in their order', (a, b) =>
    withTags([1], (one) => {
      if (framing === 'stream') {
        a.sendFD(one as number);
        sendRaw(a.fd, 1, [0, 0]);
        sendRaw(a.fd, 1);
      } else {
        sendRaw(a.fd, 1, [0, 0]);
        sendRaw(a.fd, 0);
        a.sendFD(one as number);
      }
      assert.deepEqual(tagsOf(b.recvFDs()), [1]);
      assertRefused(() => b.recvFD(), TRUNCATED);
      assertRefused(() => b.recvFD(), NO_DESCRIPTOR);
      assertWorks(a, b);
    }));

  for (const [name, option, withDescriptor, without] of [
    ['credentials', SO_PASSCRED, 'ERR_FDCHANNEL_UNEXPECTED_CONTROL', 'ERR_FDCHANNEL_UNEXPECTED_CONTROL'],
    ['a pidfd', SO_PASSPIDFD, 'ERR_FDCHANNEL_CONTROL_TRUNCATED', 'ERR_FDCHANNEL_UNEXPECTED_CONTROL'],
  ] as const) {
    test(`the kernel adds ${name} to each: each is an error, and nothing leaks`, (a, b) => {
      if (!switchOn(b.fd, option)) skip(`no socket option ${option} here`);
      const before = openDescriptors();
      a.sendFDs([0, 0, 0]);
      for (let i = 0; i < 3; i++)
        assertRefused(() => b.recvFDs(WITHIN_SECONDS), [ChannelError, withDescriptor]);
      sendRaw(a.fd, 1);
      assertRefused(() => b.recvFDs(WITHIN_SECONDS), [ChannelError, without]);
      assert.deepEqual(changes(before, openDescriptors()), []);
      switchOff(b.fd, option);
      assertWorks(a, b);
    });

    test(`the kernel adds ${name} to the end: that is the end, and nothing leaks`, (a, b) => {
      if (!switchOn(b.fd, option)) skip(`no socket option ${option} here`);
      a.shutdown();
      const before = openDescriptors();
      for (let i = 0; i < 2; i++) assertRefused(() => b.recvFDs(), ENDED);
      assert.deepEqual(changes(before, openDescriptors()), []);
    });
  }

  if (framing === 'stream') {
    test('up to eight bytes are dropped with their descriptor, and more are a fault of their own', (a, b) =>
      withTags([1, 2, 3], (...files) => {
        for (const [i, bytes] of [1, 8, 17].entries()) sendRaw(a.fd, bytes, [files[i] as number]);
        assert.deepEqual(tagsOf(b.recvFDs()), [1, 2, 3]);
        for (let i = 0; i < 2; i++) assertRefused(() => b.recvFDs(), NO_DESCRIPTOR);
        assertWorks(a, b);
      }));
  } else {
    for (const [name, leave] of [
      ['closes', (endpoint: Endpoint) => endpoint.destroy()],
      ['shuts down', (endpoint: Endpoint) => endpoint.shutdown()],
    ] as const) {
      test(`empty packets before a descriptor, and the peer ${name}: the descriptor, faults, the end`, (a, b) =>
        withTags([1], (one) => {
          for (let i = 0; i < 2; i++) sendRaw(a.fd, 0);
          a.sendFD(one as number);
          leave(a);
          assert.deepEqual(tagsOf(b.recvFDs()), [1]);
          for (let i = 0; i < 2; i++) assertRefused(() => b.recvFDs(), NO_DESCRIPTOR);
          for (let i = 0; i < 2; i++) assertRefused(() => b.recvFDs(), ENDED);
        }));

      test(`empty packets behind a descriptor, and the peer ${name}: the descriptor, and the end`, (a, b) =>
        withTags([1], (one) => {
          a.sendFD(one as number);
          for (let i = 0; i < 2; i++) sendRaw(a.fd, 0);
          leave(a);
          assert.deepEqual(tagsOf(b.recvFDs()), [1]);
          for (let i = 0; i < 2; i++) assertRefused(() => b.recvFDs(), ENDED);
        }));

      test(`more empty packets than a batch takes, then a descriptor, and the peer ${name}`, (a, b) =>
        withTags([1], (one) => {
          for (let i = 0; i < 5; i++) sendRaw(a.fd, 0);
          a.sendFD(one as number);
          leave(a);
          for (let i = 0; i < 5; i++) assertRefused(() => b.recvFDs({ max: 5 }), NO_DESCRIPTOR, `${i}`);
          assert.deepEqual(tagsOf(b.recvFDs()), [1]);
          assertRefused(() => b.recvFDs(), ENDED);
        }));
    }

    test('empty packets alone, on a channel that is open: a fault for each', (a, b) => {
      for (let i = 0; i < 70; i++) sendRaw(a.fd, 0);
      for (let i = 0; i < 70; i++) assertRefused(() => b.recvFDs(), NO_DESCRIPTOR, `${i}`);
      assertWorks(a, b);
    });
  }

  test('faults that a call kept are told to receives that wait already', async (a, b) => {
    const waits = [b.recvFDAsync(), b.recvFDsAsync(), b.recvFDAsync()];
    a.sendFDs([0, 0]);
    for (let i = 0; i < 2; i++) sendRaw(a.fd, 1, [0, 0]);
    const fds = b.tryRecvFDs();
    assert.equal(fds.length, 2);
    for (const fd of fds) closeFD(fd);
    await assertRejects(waits[0] as Promise<unknown>, TRUNCATED);
    await assertRejects(waits[1] as Promise<unknown>, TRUNCATED);
    a.sendFD(0);
    closeFD((await waits[2]) as number);
    assertWorks(a, b);
  });

  test('receives that wait are told in their turn', (a, b) =>
    withTags(range(1, 4), async (one, two, three, four) => {
      const waits = [b.recvFDAsync(), b.recvFDsAsync({ max: 3 }), b.recvFDAsync(), b.recvFDAsync()] as const;
      a.sendFDs([one as number, two as number]);
      sendRaw(a.fd, 1, [0, 0]);
      a.sendFDs([three as number, four as number]);
      assert.deepEqual(tagsOf([await waits[0]]), [1]);
      assert.deepEqual(tagsOf(await waits[1]), [2, 3]);
      await assertRejects(waits[2], TRUNCATED);
      assert.deepEqual(tagsOf([await waits[3]]), [4]);
      assertWorks(a, b);
    }));
});
