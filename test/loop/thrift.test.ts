import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { libc } from '../../src/libc/calls.ts';
import { shutdown } from '../../src/libc/sockets.ts';
import { COMBINATIONS, type Combination, counting, IN, OUT, until, withSet } from '../support/loop.ts';
import { sendRaw } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** What asks a set which of its sockets are ready. */
const asks = (combination: Combination) => (combination === 'poll+thread' ? 'poll' : 'epoll_wait');

/** A time in which a set that is ready would be asked many times. */
const rest = (): Promise<void> => delay(20);

suite('what an epoll set is told', (test) => {
  for (const combination of COMBINATIONS.filter((name) => name !== 'poll+thread')) {
    test(`nothing by a socket that is waited for again and again, ${combination}`, () =>
      withSet(combination, async ({ pair, watch, settled }) => {
        const [own] = pair();
        const watched = watch(own, (_, { registration }) => registration.want(0));
        watched.registration.want(OUT);
        await settled();
        await counting(['epoll_ctl'], async (taken) => {
          for (let i = 1; i <= 20; i++) {
            const before = watched.told.length;
            watched.registration.want(OUT);
            await until(() => watched.told.length > before);
          }
          assert.deepEqual(taken(), []);
        });
      }));

    test(`once that nobody waits, by the event that shows it, ${combination}`, () =>
      withSet(combination, async ({ pair, watch, settled }) => {
        const [own, peer] = pair();
        const { registration, told } = watch(own);
        // Without another that waits, a helper thread would not look.
        watch(pair()[0]).registration.want(IN);
        registration.want(IN);
        registration.want(0);
        await settled();
        assert.ok(registration.watches(IN));
        await counting(['epoll_ctl'], async (taken) => {
          sendRaw(peer, 1);
          await until(() => !registration.watches(IN));
          await rest();
          assert.deepEqual(taken(), ['epoll_ctl']);
          registration.want(IN);
          await until(() => told.length > 0);
          assert.deepEqual(taken(), ['epoll_ctl']);
        });
      }));

    test(`once that one of two directions is no longer waited for, ${combination}`, () =>
      withSet(combination, async ({ pair, watch }) => {
        const [own, peer] = pair();
        const { registration, told } = watch(own);
        registration.want(IN | OUT);
        registration.want(IN);
        assert.ok(registration.watches(IN | OUT));
        await counting(['epoll_ctl'], async (taken) => {
          // There is room, which nobody waits for.
          await until(() => !registration.watches(OUT));
          await rest();
          assert.deepEqual(taken(), ['epoll_ctl']);
          assert.deepEqual(told, []);
          sendRaw(peer, 1);
          await until(() => told.length > 0);
          assert.deepEqual(taken(), []);
        });
      }));
  }
});

for (const combination of COMBINATIONS) {
  suite(`what a set is asked, ${combination}`, (test) => {
    test('nothing while only one waits, for one direction', () =>
      withSet(combination, async ({ pair, watch }) => {
        const watched = watch(pair()[0]);
        await counting([asks(combination)], async (taken) => {
          watched.registration.want(OUT);
          await until(() => watched.told.length > 10);
          watched.registration.close();
          assert.deepEqual(taken(), []);
        });
      }));

    test('once for all that are ready in a wake', () =>
      withSet(combination, async ({ pair, watch }) => {
        const all = Array.from({ length: 50 }, () => watch(pair()[0]));
        await counting([asks(combination)], async (taken) => {
          for (const { registration } of all) registration.want(OUT);
          await until(() => all.every(({ told }) => told.length > 0));
          const wakes = Math.max(...all.map(({ told }) => told.length));
          for (const { registration } of all) registration.close();
          assert.ok(taken().length <= wakes + 1);
        });
      }));

    test('nothing by a socket that nobody waits for, though its peer is gone, or there is something', () =>
      withSet(combination, async ({ pair, watch, closeEarly, settled }) => {
        const idle = Array.from({ length: 6 }, () => {
          const [own, peer] = pair();
          const watched = watch(own);
          watched.registration.want(IN);
          return { ...watched, own, peer };
        });
        const waits = watch(pair()[0]);
        waits.registration.want(IN);
        await settled();
        for (const { registration } of idle) registration.want(0);
        for (const [index, { own, peer }] of idle.entries()) {
          if (index < 2) closeEarly(peer);
          else if (index < 4) shutdown(libc(), own);
          else sendRaw(peer, 1);
        }
        await until(() => idle.every(({ registration }) => !registration.watches(IN)));
        await rest();
        await counting([asks(combination)], async (taken) => {
          await rest();
          assert.deepEqual(taken(), []);
        });
        assert.deepEqual(
          idle.flatMap(({ told }) => told),
          [],
        );
        // Who waits for them again is told.
        for (const { registration } of idle) registration.want(IN);
        await until(() => idle.every(({ told }) => told.includes(IN)));
      }));
  });
}
