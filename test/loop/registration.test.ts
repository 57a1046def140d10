import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { libc } from '../../src/libc/calls.ts';
import { MessageBuffer } from '../../src/libc/message-buffer.ts';
import { shutdown } from '../../src/libc/sockets.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { COMBINATIONS, IN, OUT, type Scene, until, withSet } from '../support/loop.ts';
import { startFixture } from '../support/processes.ts';
import { FRAMINGS, sendRaw, statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

const BOTH = IN | OUT;

/** Takes what {@link sendRaw} has sent. */
function take(fd: number): void {
  const message = new MessageBuffer(libc(), 1, 0);
  assert.equal(libc().recvmsg(fd, message.address, libc().abi.MSG_DONTWAIT), 1);
}

for (const combination of COMBINATIONS) {
  const scene = (body: (scene: Scene) => unknown) => () => withSet(combination, body);

  for (const framing of FRAMINGS) {
    suite(`a registration, ${combination}, ${framing}`, (test) => {
      test(
        'is told what is there, again until it is gone, and takes nothing',
        scene(async ({ pair, watch, settled }) => {
          const [own, peer] = pair(framing);
          const watched = watch(own);
          watched.registration.want(IN);
          await settled();
          assert.deepEqual(watched.told, []);
          sendRaw(peer, 1);
          for (let i = 0; i < 3; i++) {
            await settled();
            assert.deepEqual(watched.taken(), [IN]);
          }
          take(own);
          await settled();
          watched.taken();
          await settled();
          assert.deepEqual(watched.told, []);
        }),
      );

      test(
        'is told of what it wants and nothing else',
        scene(async ({ pair, watch, settled }) => {
          const [own, peer] = pair(framing);
          const watched = watch(own);
          sendRaw(peer, 1);
          const steps: [wanted: number, told: number[]][] = [
            [OUT, [OUT]],
            [BOTH, [BOTH]],
            [IN, [IN]],
            [0, []],
            [BOTH, [BOTH]],
            [0, []],
            [OUT, [OUT]],
          ];
          for (const [wanted, told] of steps) {
            watched.registration.want(wanted);
            watched.taken();
            await settled();
            assert.deepEqual(watched.taken(), told, `after want(${wanted})`);
          }
        }),
      );

      test('is told of an end, a shutdown and a reset whatever it wants', async () => {
        const ends: Record<string, (scene: Scene, own: number, peer: number) => void> = {
          'the peer is gone': ({ closeEarly }, _, peer) => closeEarly(peer),
          'the peer is gone with something unread'({ closeEarly }, own, peer) {
            sendRaw(own, 1);
            closeEarly(peer);
          },
          'shut down': (_, own) => shutdown(libc(), own),
          'the peer has shut down': (_, __, peer) => shutdown(libc(), peer),
        };
        for (const [name, end] of Object.entries(ends)) {
          await withSet(combination, async (scene) => {
            for (const wanted of [IN, OUT, BOTH]) {
              const [own, peer] = scene.pair(framing);
              const watched = scene.watch(own);
              watched.registration.want(wanted);
              end(scene, own, peer);
              await scene.settled();
              const all = watched.taken().reduce((seen, events) => seen | events, 0);
              assert.equal(all, wanted, `${name}, want(${wanted})`);
            }
          });
        }
      });

      test(
        'leaves the flags of the socket as they are',
        scene(async ({ pair, watch, settled }) => {
          const [own] = pair(framing);
          const before = statusFlags(own);
          assert.equal(before & constants.O_NONBLOCK, 0);
          const watched = watch(own);
          for (const wanted of [IN, OUT, 0, BOTH]) {
            watched.registration.want(wanted);
            await settled();
            assert.equal(statusFlags(own), before);
          }
        }),
      );
    });
  }

  suite(`registrations, ${combination}`, (test) => {
    test(
      'a closed one is told of nothing, and everything may be called again',
      scene(async ({ pair, watch, settled }) => {
        const [own] = pair();
        const watched = watch(own);
        const { registration } = watched;
        registration.want(OUT);
        registration.close();
        registration.close();
        registration.want(BOTH);
        registration.keepAlive(false);
        registration.want(0);
        assert.equal(registration.watches(OUT), false);
        await settled();
        assert.deepEqual(watched.told, []);
      }),
    );

    test(
      'one makes a single descriptor, at its first wait, which closes with it',
      scene(async ({ pair, watch, settled }) => {
        watch(pair()[0]).registration.want(OUT);
        await settled();
        const [own] = pair();
        const count = (): number => openDescriptors().size;
        const before = count();
        const { registration } = watch(own);
        assert.equal(count(), before);
        for (const wanted of [IN, BOTH, 0, OUT]) {
          registration.want(wanted);
          assert.equal(count(), before + 1);
        }
        registration.close();
        assert.equal(count(), before);
      }),
    );

    test(
      'one that is closed by what another of the same wake does is not told',
      scene(async ({ pair, watch, settled }) => {
        const both = [0, 1].map(() => {
          const watched = watch(pair()[0], () => {
            for (const other of both) if (other !== watched) other.registration.close();
          });
          return watched;
        });
        for (const { registration } of both) registration.want(OUT);
        await settled();
        assert.deepEqual(both.map(({ told }) => told.length > 0).sort(), [false, true]);
      }),
    );

    test(
      'one that is made in the same wake under a number that was just closed is not told what is not its own',
      scene(async ({ pair, watch, settled }) => {
        const [idle, peer] = pair();
        const late = watch(idle);
        const closing = [0, 1].map(() =>
          watch(pair()[0], () => {
            for (const { registration } of closing) registration.close();
            late.registration.want(IN);
          }),
        );
        for (const { registration } of closing) registration.want(OUT);
        await until(() => late.registration.watches(IN));
        await settled();
        assert.deepEqual(late.told, []);
        sendRaw(peer, 1);
        await settled();
        assert.deepEqual(late.taken(), [IN]);
      }),
    );

    test(
      'what is called may close its own, want otherwise, and add others',
      scene(async ({ pair, watch }) => {
        const seen: string[] = [];
        const third = watch(pair()[0], (_, { registration }) => {
          seen.push('third');
          registration.close();
        });
        const [second, peer] = pair();
        const changes = watch(second, (events, { registration }) => {
          seen.push(events === OUT ? 'second writes' : 'second reads');
          if (events === OUT) registration.want(IN);
          else registration.close();
          third.registration.want(OUT);
        });
        const first = watch(pair()[0], (_, { registration }) => {
          seen.push('first');
          registration.close();
          changes.registration.want(OUT);
          sendRaw(peer, 1);
        });
        first.registration.want(OUT);
        await until(() => seen.length === 4);
        assert.deepEqual(seen.slice(0, 2), ['first', 'second writes']);
        assert.deepEqual(seen.slice(2).sort(), ['second reads', 'third']);
      }),
    );

    test('one whose callback throws keeps no other from being told, and the error is uncaught', async () => {
      const fixture = startFixture('loop-throws.ts', { args: [combination] });
      const { code, stdout, stderr } = await fixture.exit;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.deepEqual(JSON.parse(stdout), { told: [1, 1, 1], failed: 1, uncaught: ['0', '1', 'failed'] });
    });

    test(
      'each of many is told in its turn, and timers have theirs',
      scene(async ({ pair, watch }) => {
        const COUNT = 200;
        const all = Array.from({ length: COUNT }, () => watch(pair()[0]));
        const counts = (): number[] => all.map(({ told }) => told.length);
        let most = 0;
        let turns = 0;
        let last = 0;
        const timer = setInterval(() => {
          turns++;
          const sum = counts().reduce((a, b) => a + b);
          most = Math.max(most, Math.max(...counts()) - Math.min(...counts()));
          last = sum;
        }, 0);
        for (const { registration } of all) registration.want(OUT);
        await until(() => last > 10 * COUNT);
        clearInterval(timer);
        assert.ok(most <= 1, `${most} times more often than another`);
        assert.ok(turns >= 3, `${turns} turns of a timer`);
      }),
    );
  });
}
