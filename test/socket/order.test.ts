import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD } from '../../src/index.ts';
import { TURN } from '../../src/socket/wait.ts';
import { drain, recvTag, sendTag, withChannel } from '../support/channel.ts';
import { ENDS, type End } from '../support/ends.ts';
import { tagged, temporaryFile, withDescriptors } from '../support/files.ts';
import { assertRejects } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { aborting, atOnce, observe, turns, turnsOf } from '../support/waits.ts';

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

function receiveAll(end: End, count: number, order: number[]): Promise<void>[] {
  return range(count).map(async (place) => {
    const tag = await recvTag(end);
    assert.equal(tag, place, `the wait in place ${place} got what was sent in place ${tag}`);
    order.push(place);
  });
}

/** How many of the waits are over when the first wake that ends any of them is. */
async function firstServed(waits: readonly Promise<unknown>[]): Promise<number> {
  const observed = waits.map(observe);
  await Promise.race(waits);
  // Ticks come behind what settles now, and before the loop goes on.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  return observed.filter(({ state }) => state !== 'pending').length;
}

for (const kind of ENDS) {
  suite(`first come, first served, ${kind.name}`, (test) => {
    test('receives that wait get what is sent in the order in which they began', () =>
      withChannel(kind, async (a, b) => {
        const order: number[] = [];
        const all = receiveAll(b, 20, order);
        for (const tag of range(20)) {
          sendTag(a, tag);
          if (tag % 5 === 0) await turns();
        }
        await Promise.all(all);
        assert.deepEqual(order, range(20));
      }));

    test('a receive that begins when something is there comes after those that wait', () =>
      withChannel(kind, async (a, b) => {
        const first = recvTag(b);
        sendTag(a, 1);
        sendTag(a, 2);
        const second = recvTag(b);
        assert.deepEqual([await first, await second], [1, 2]);
      }));

    test('the try form takes what is there before receives that wait, which wait on', () =>
      withChannel(kind, async (a, b) => {
        const waits = recvTag(b);
        sendTag(a, 1);
        assert.deepEqual(drain(b), [1]);
        await turns();
        sendTag(a, 2);
        assert.equal(await waits, 2);
      }));

    test('sends that wait go in the order in which they began', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const full = kind.fill(a, fd);
          const done: number[] = [];
          const sends = range(20).map(async (tag) => {
            const file = tagged(tag + 1);
            const sent = a.sendAsync(file);
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

    test('receives and sends that wait on one end do not wait for each other', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          kind.fill(a, fd);
          const sent = a.sendAsync(fd);
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

  suite(`the loop's turns, ${kind.name}`, (test) => {
    test('packets that arrive together are handed out in one wake', () =>
      withChannel(kind, async (a, b) => {
        const order: number[] = [];
        const all = receiveAll(b, 100, order);
        await turns();
        for (const tag of range(100)) sendTag(a, tag);
        assert.equal(await firstServed(all), 100);
      }));

    test('more than one wake should serve are handed out in several, in order', () =>
      withChannel(kind, async (a, b) => {
        const order: number[] = [];
        const all = receiveAll(b, 250, order);
        for (const tag of range(250)) sendTag(a, tag);
        assert.equal(await firstServed(all), TURN);
        const count = await turnsOf(() => Promise.all(all));
        assert.deepEqual(order, range(250));
        assert.ok(count <= 2, `the rest took ${count} turns of the loop`);
      }));

    test('waits that fail together do so in one wake', () =>
      withChannel(kind, async (a, b) => {
        const waits = range(20).map(() => assertRejects(b.receiveAsync(), kind.ended.receive));
        await turns();
        a.shutdown();
        assert.equal(await firstServed(waits), 20);
      }));

    test('what is there already is received without a turn of the loop', () =>
      withChannel(kind, async (a, b) => {
        for (const tag of range(10)) sendTag(a, tag);
        for (const tag of range(10)) assert.equal(await atOnce(recvTag(b)), tag);
      }));

    test('so it is after 300 receives in the same turn that found nothing and were aborted', () =>
      withChannel(kind, async (a, b) => {
        for (let i = 0; i < 300; i++) {
          const { signal, abort } = aborting();
          const wait = b.receiveAsync({ signal });
          abort(i);
          assert.equal(await wait.catch((reason) => reason), i);
        }
        sendTag(a, 1);
        assert.equal(await atOnce(recvTag(b)), 1);
      }));
  });
}
