import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { FRAMINGS, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { drain, recvTag, sendTag, tagged, tagOf, turns } from './waits.ts';

/** How many turns of the loop the body takes. */
async function turnsOf(body: () => Promise<unknown>): Promise<number> {
  let count = 0;
  let running = true;
  const next = (): void => {
    count++;
    if (running) setImmediate(next);
  };
  setImmediate(next);
  await body();
  running = false;
  await turn();
  return count;
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

async function receiveAll(endpoint: Endpoint, count: number, order: number[]): Promise<void> {
  await Promise.all(
    range(count).map(async (place) => {
      const tag = await recvTag(endpoint);
      assert.equal(tag, place, `the wait in place ${place} got what was sent in place ${tag}`);
      order.push(place);
    }),
  );
}

for (const framing of FRAMINGS) {
  suite(`first come, first served, ${framing}`, (test) => {
    test('receives that wait get what is sent in the order in which they began', () =>
      withChannel(framing, async (a, b) => {
        const order: number[] = [];
        const all = receiveAll(b, 20, order);
        for (const tag of range(20)) {
          sendTag(a, tag);
          if (tag % 5 === 0) await turns();
        }
        await all;
        assert.deepEqual(order, range(20));
      }));

    test('a receive that begins when something is there comes after those that wait', () =>
      withChannel(framing, async (a, b) => {
        const first = recvTag(b);
        sendTag(a, 1);
        sendTag(a, 2);
        const second = recvTag(b);
        assert.deepEqual([await first, await second], [1, 2]);
      }));

    test('the try form takes what is there before receives that wait, which wait on', () =>
      withChannel(framing, async (a, b) => {
        const waits = recvTag(b);
        sendTag(a, 1);
        assert.deepEqual(drain(b), [1]);
        await turns();
        sendTag(a, 2);
        assert.equal(await waits, 2);
      }));

    test('sends that wait go in the order in which they began', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const full = fill(a, fd);
          const done: number[] = [];
          const sends = range(20).map(async (tag) => {
            const file = tagged(tag + 1);
            const sent = a.sendFDAsync(file);
            closeFD(file);
            await sent;
            done.push(tag);
          });
          const tags: number[] = [];
          while (tags.length < full + 20) {
            tags.push(...drain(b));
            await turn();
          }
          await Promise.all(sends);
          assert.deepEqual(done, range(20));
          assert.deepEqual(
            tags.slice(full),
            range(20).map((tag) => tag + 1),
          );
        }),
      ));

    test('receives and sends that wait on one endpoint do not wait for each other', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          fill(a, fd);
          const sent = a.sendFDAsync(fd);
          const received = recvTag(a);
          sendTag(b, 7);
          assert.equal(await received, 7);
          const next = recvTag(a);
          drain(b);
          await sent;
          assert.deepEqual(drain(b), [0]);
          sendTag(b, 8);
          assert.equal(await next, 8);
        }),
      ));
  });

  suite(`the loop's turns, ${framing}`, (test) => {
    test('packets that arrive together are handed out in one wake', () =>
      withChannel(framing, async (a, b) => {
        const order: number[] = [];
        const all = receiveAll(b, 100, order);
        await turns();
        const count = await turnsOf(() => {
          for (const tag of range(100)) sendTag(a, tag);
          return all;
        });
        assert.ok(count <= 4, `it took ${count} turns of the loop`);
      }));

    test('more than one wake should serve are handed out in several, in order', () =>
      withChannel(framing, async (a, b) => {
        const order: number[] = [];
        const all = receiveAll(b, 250, order);
        for (const tag of range(250)) sendTag(a, tag);
        const count = await turnsOf(() => all);
        assert.deepEqual(order, range(250));
        assert.ok(count >= 2 && count <= 10, `it took ${count} turns of the loop`);
      }));

    test('what is there already is received without a turn of the loop', () =>
      withChannel(framing, async (a, b) => {
        for (const tag of range(10)) sendTag(a, tag);
        let turned = false;
        setImmediate(() => {
          turned = true;
        });
        for (const tag of range(10)) assert.equal(await recvTag(b), tag);
        assert.equal(turned, false);
        await turn();
      }));

    test('a receiver that never finds the socket empty lets the loop turn', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          fill(a, fd);
          let timerRan = false;
          let immediates = 0;
          setTimeout(() => {
            timerRan = true;
          }, 1);
          const count = (): void => {
            immediates++;
            if (!timerRan || immediates < 3) setImmediate(count);
          };
          setImmediate(count);
          // Each pass puts back what it took: without the turns this would go on for ever.
          while (!timerRan || immediates < 3) {
            tagOf(await b.recvFDAsync());
            a.sendFD(fd);
          }
          drain(b);
        }),
      ));

    test('a sender that never finds the socket full lets the loop turn', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          let timerRan = false;
          setTimeout(() => {
            timerRan = true;
          }, 1);
          while (!timerRan) {
            await a.sendFDAsync(fd);
            tagOf(b.recvFDNonblock());
          }
        }),
      ));
  });
}
