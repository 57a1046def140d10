import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD } from '../../src/index.ts';
import { drain, sendTag, withChannel } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { ENDS, type Kind } from '../support/ends.ts';
import { tagged, tagOf, withDescriptors } from '../support/files.ts';
import { LIMITED, startFixture } from '../support/processes.ts';
import { assertRejects, SEND_CLOSED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';
import { aborting, type Observed, observe } from '../support/waits.ts';

/** More than may succeed at once in a turn of the loop, and fewer than a socket has room for. */
const MANY = 200;

/** How many of so many are in flight in a socket that is neither full nor writable for poll(2). */
const HELD = 90;

const pending = (waits: readonly Observed<unknown>[]): number =>
  waits.filter(({ state }) => state === 'pending').length;

/** Lets the loop turn until as few are pending, or so often that more turns would change nothing. */
async function untilPending(waits: readonly Observed<unknown>[], count: number): Promise<void> {
  for (let turns = 0; turns < 1000 && pending(waits) > count; turns++) await turn();
  assert.equal(pending(waits), count, 'waits that are left');
}

/** The room of an empty socket, in descriptors. */
function roomOf(kind: Kind): number {
  const [a, b] = kind.pair();
  const room = kind.fill(a, 0);
  a.destroy();
  b.destroy();
  return room;
}

for (const kind of ENDS) {
  suite(`more than a turn's share, ${kind.name}`, (test) => {
    test('sends of one turn are all done while there is room, in order, and hold nothing', () =>
      withChannel(kind, (a, b) =>
        withDescriptors(
          [1, 2, 3].map((tag) => tagged(tag)),
          async (...fds) => {
            const room = roomOf(kind);
            assert.ok(room > MANY, `room for ${room}`);
            const before = openDescriptors();
            const order = Array.from({ length: room }, (_, i) => (i * i) % 3);
            const waits = order.map((index) => observe(a.sendAsync(fds[index] as number)));
            assert.deepEqual(openDescriptors(), before, 'no duplicate, and nothing to poll');
            await untilPending(waits, 0);
            await Promise.all(waits.map(({ promise }) => promise));
            assert.deepEqual(
              drain(b),
              order.map((index) => index + 1),
            );
          },
        ),
      ));

    test('sends beyond the room wait for it, and only those', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([tagged(1)], async (fd) => {
          const room = roomOf(kind);
          const waits = Array.from({ length: room + 20 }, () => observe(a.sendAsync(fd)));
          await untilPending(waits, 20);
          assert.equal(drain(b).length, room);
          await untilPending(waits, 0);
          assert.equal(drain(b).length, 20);
        }),
      ));

    test('sends one after the other are done while there is room', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([tagged(1)], async (fd) => {
          const room = roomOf(kind);
          const all = observe(
            (async () => {
              for (let i = 0; i < room; i++) await a.sendAsync(fd);
            })(),
          );
          await untilPending([all], 0);
          await all.promise;
          assert.equal(drain(b).length, room);
        }),
      ));

    test('sends whose sources are closed at once arrive as what they were', () =>
      withChannel(kind, async (a, b) => {
        const waits = Array.from({ length: MANY }, (_, tag) => {
          const fd = tagged(tag);
          const wait = observe(a.sendAsync(fd));
          closeSync(fd);
          return wait;
        });
        await untilPending(waits, 0);
        await Promise.all(waits.map(({ promise }) => promise));
        assert.deepEqual(drain(b), [...Array(MANY).keys()]);
      }));

    test(`sends go on while a receiver leaves ${HELD} in the socket`, () =>
      withChannel(kind, (a, b) =>
        withDescriptors([tagged(1)], async (fd) => {
          let inFlight = 0;
          const all = observe(
            (async () => {
              for (let sent = 0; sent < 10 * MANY; sent++) {
                await a.sendAsync(fd);
                if (++inFlight <= HELD) continue;
                assert.equal(tagOf(b.receive()), 1);
                inFlight--;
              }
            })(),
          );
          await untilPending([all], 0);
          await all.promise;
          assert.equal(drain(b).length, HELD);
        }),
      ));

    test('receives of one turn take all that is there, in order, and poll for nothing', () =>
      withChannel(kind, async (a, b) => {
        for (let tag = 0; tag < MANY; tag++) sendTag(a, tag);
        const before = openDescriptors().size;
        const waits = Array.from({ length: MANY }, () => observe(b.receiveAsync()));
        await untilPending(waits, 0);
        const opened = openDescriptors().size - before;
        const tags = await Promise.all(waits.map(async ({ promise }) => tagOf(await promise)));
        assert.deepEqual(tags, [...Array(MANY).keys()]);
        assert.equal(opened, MANY, 'what was received, and no more');
      }));

    test('of receives whose end is destroyed in the same turn none leaks, and all end', () =>
      withChannel(kind, async (a, b) => {
        for (let tag = 0; tag < MANY; tag++) sendTag(a, tag);
        const outcomes = Array.from({ length: MANY }, () =>
          b.receiveAsync().then(tagOf, ({ code }: { code: string }) => code),
        );
        b.destroy();
        const ended = await Promise.all(outcomes);
        const received = ended.filter((outcome) => typeof outcome === 'number');
        assert.deepEqual(received, [...received.keys()]);
        assert.deepEqual(ended.slice(received.length), Array(MANY - received.length).fill('EBADF'));
      }));

    test('of sends that are aborted in the same turn as many arrive as were done', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([tagged(1)], async (fd) => {
          const { signal, abort } = aborting();
          const waits = Array.from({ length: MANY }, () => observe(a.sendAsync(fd, { signal })));
          abort();
          await untilPending(waits, 0);
          const done = waits.filter(({ state }) => state === 'fulfilled').length;
          assert.equal(drain(b).length, done);
        }),
      ));

    test('of sends whose end is destroyed in the same turn all end', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([tagged(1)], async (fd) => {
          const waits = Array.from({ length: MANY }, () => observe(a.sendAsync(fd)));
          a.destroy();
          await untilPending(waits, 0);
          const failed = waits.filter(({ state }) => state === 'rejected');
          for (const { promise } of failed) await assertRejects(promise, SEND_CLOSED);
          let arrived = 0;
          for await (const received of b.iterate()) {
            closeFD(received);
            arrived++;
          }
          assert.equal(arrived, MANY - failed.length);
        }),
      ));
  });

  suite(`more than a turn's share at the descriptor limit, ${kind.name}`, (test) => {
    test('what need not wait needs no descriptor, and what has to wait is told', async () => {
      // Of all others Linux counts the descriptors on their way, too, against the same limit (ETOOMANYREFS).
      if (process.getuid?.() !== 0)
        skip('only root may have more descriptors on their way than it may have open');
      const fixture = startFixture('async-at-limit.ts', { prefix: LIMITED, args: [kind.name] });
      const { code, stdout, stderr } = await fixture.exit;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      const all = roomOf(kind);
      assert.deepEqual(JSON.parse(stdout), {
        atOnce: { fulfilled: MANY },
        inTurn: { fulfilled: all - MANY },
        full: { EMFILE: 1 },
        received: { fulfilled: all },
        afterwards: { fulfilled: MANY },
      });
    });
  });
}
