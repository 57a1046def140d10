import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import {
  assertWorks,
  FRAMINGS,
  NO_DESCRIPTOR,
  type Refusal,
  TRUNCATED,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { sendRaw } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { assertRejects, drain, observe, RECEIVE_CLOSED, recvTag, sendTag, tagOf, turns } from './waits.ts';

async function collect(endpoint: Endpoint, into: number[] = []): Promise<number[]> {
  for await (const fd of endpoint) into.push(tagOf(fd));
  return into;
}

const enders: [what: string, end: (a: Endpoint, b: Endpoint) => void][] = [
  ["the peer's shutdown", (a) => a.shutdown()],
  ['its own shutdown', (_, b) => b.shutdown()],
  ['the peer destroyed', (a) => a.destroy()],
];

for (const framing of FRAMINGS) {
  suite(`async iteration, ${framing}`, (test) => {
    for (const [what, end] of enders) {
      test(`ends after ${what}, with everything that was sent`, () =>
        withChannel(framing, async (a, b) => {
          const first = collect(b);
          for (const tag of [1, 2, 3]) sendTag(a, tag);
          await turns();
          for (const tag of [4, 5]) sendTag(a, tag);
          end(a, b);
          assert.deepEqual(await first, [1, 2, 3, 4, 5]);
          assert.deepEqual(await collect(b), []);
          assert.notEqual(b.fd, -1, 'the endpoint stays open');
        }));
    }

    const faults: [what: string, fault: (a: Endpoint, b: Endpoint, fd: number) => void, refusal: Refusal][] =
      [
        ['a packet without a descriptor', (a) => sendRaw(a.fd, 1), NO_DESCRIPTOR],
        ['a packet with several', (a, _, fd) => sendRaw(a.fd, 1, [fd, fd, fd]), TRUNCATED],
        ['destroy', (_, b) => b.destroy(), RECEIVE_CLOSED],
        ['detach', (_, b) => closeFD(b.detach()), RECEIVE_CLOSED],
      ];
    for (const [what, fault, refusal] of faults) {
      test(`throws what is an error: ${what}`, () =>
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            const got: number[] = [];
            const all = assertRejects(collect(b, got), refusal);
            sendTag(a, 1);
            while (got.length === 0) await turns(1);
            fault(a, b, fd);
            await all;
            assert.deepEqual(got, [1]);
            if (b.fd >= 0) assertWorks(a, b);
          }),
        ));
    }

    const leaves: [what: string, leave: (endpoint: Endpoint) => Promise<unknown>][] = [
      [
        'break',
        async (endpoint) => {
          for await (const fd of endpoint) {
            closeFD(fd);
            break;
          }
        },
      ],
      [
        'throw',
        async (endpoint) => {
          const mine = new RangeError('mine');
          const loop = async (): Promise<void> => {
            for await (const fd of endpoint) {
              closeFD(fd);
              throw mine;
            }
          };
          await assert.rejects(loop, (error) => error === mine);
        },
      ],
      [
        'return()',
        async (endpoint) => {
          const iterator = endpoint[Symbol.asyncIterator]();
          const { value } = await iterator.next();
          closeFD(value as number);
          assert.deepEqual(await iterator.return(), { done: true, value: undefined });
          assert.deepEqual(await iterator.next(), { done: true, value: undefined });
        },
      ],
    ];
    for (const [what, leave] of leaves) {
      test(`left by ${what}, it takes no descriptor along, and the endpoint stays open`, () =>
        withChannel(framing, async (a, b) => {
          for (const tag of [1, 2, 3]) sendTag(a, tag);
          await leave(b);
          await turns();
          assert.deepEqual(drain(b), [2, 3]);
          assertWorks(a, b);
        }));
    }

    test('return() before the first next() has taken nothing', () =>
      withChannel(framing, async (a, b) => {
        const iterator = b[Symbol.asyncIterator]();
        sendTag(a, 1);
        assert.deepEqual(await iterator.return(), { done: true, value: undefined });
        await turns();
        assert.deepEqual(drain(b), [1]);
      }));

    test('return() during a wait ends after it, and delivers what it waited for', () =>
      withChannel(framing, async (a, b) => {
        const iterator = b[Symbol.asyncIterator]();
        const next = iterator.next();
        const returned = observe(iterator.return());
        await turns();
        sendTag(a, 1);
        sendTag(a, 2);
        const { value } = await next;
        assert.equal(tagOf(value as number), 1);
        assert.deepEqual(await returned.promise, { done: true, value: undefined });
        assert.deepEqual(drain(b), [2]);
      }));

    test('nothing is received before it is asked for', () =>
      withChannel(framing, async (a, b) => {
        for (const tag of [1, 2, 3]) sendTag(a, tag);
        for await (const fd of b) {
          assert.equal(tagOf(fd), 1);
          await turns();
          assert.deepEqual(drain(b), [2, 3], 'the body of the loop finds the rest in the kernel');
          break;
        }
      }));

    test('two iterations and a receive share what comes, first come, first served', () =>
      withChannel(framing, async (a, b) => {
        const [one, other] = [b[Symbol.asyncIterator](), b[Symbol.asyncIterator]()];
        const waits = [one.next(), other.next()].map(async (next) => tagOf((await next).value as number));
        const third = recvTag(b);
        for (const tag of [1, 2, 3]) sendTag(a, tag);
        assert.deepEqual(await Promise.all([...waits, third]), [1, 2, 3]);
      }));
  });
}
