import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import type { Call, Outcome } from '../fixtures/calls-end.ts';
import { type Blocking, blockings, callAllInThread, callInThread } from '../support/calls.ts';
import { TOO_MANY, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { assertEnded, type Ending, endings } from '../support/endings.ts';
import { ENDS, type End, type Kind } from '../support/ends.ts';
import { setNonblocking } from '../support/raw.ts';
import { told } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

interface Scene {
  readonly what: string;
  readonly ending: Ending;
  readonly own: End;
  readonly peer: End;
  readonly calls: readonly Call[];
}

function scene(kind: Kind, ending: Ending, { how, nonblocking }: Blocking, calls: readonly Call[]): Scene {
  const [own, peer] = kind.pair();
  if (nonblocking) setNonblocking(own.fd);
  return { what: `${ending.name}, ${how}`, ending, own, peer, calls };
}

/** Makes the calls of one scene after the other in one thread, and runs the body when each blocks. */
async function inThread(
  kind: Kind,
  scenes: readonly Scene[],
  body: (scene: Scene, next: () => Promise<Outcome>) => unknown,
): Promise<void> {
  const thread = await callAllInThread(
    ...scenes.map(({ own, calls }) => ({ kind: kind.name, sockfd: own.fd, calls })),
  );
  for (const each of scenes) {
    await thread.blocked();
    await body(each, thread.next);
  }
  await thread.exit;
  for (const { own, peer } of scenes) for (const end of [own, peer]) end.destroy();
}

for (const kind of ENDS) {
  const { ended } = kind;

  suite(`what blocks in another thread, ${kind.name}`, (test) => {
    test('a receive wakes with the end', () => {
      const scenes = endings.flatMap((ending) =>
        blockings.map((each) =>
          scene(kind, ending, each, [['receive', ...each.options], ['receive'], ['send', 0]]),
        ),
      );
      return inThread(kind, scenes, async ({ what, ending, own, peer }, next) => {
        await ending.end(own, peer);
        for (const wanted of [ended.receive, ended.receive, ended.send])
          assert.deepEqual(await next(), told(wanted), what);
        await assertEnded(kind, own, peer);
      });
    });

    test('a send wakes with the end, and what was sent before is received', () => {
      const scenes = endings.flatMap((ending) =>
        blockings.map((each) =>
          scene(kind, ending, each, Array(TOO_MANY).fill(['send', 0, ...each.options])),
        ),
      );
      return inThread(kind, scenes, async ({ what, ending, own, peer }, next) => {
        await ending.end(own, peer);
        const outcomes: Outcome[] = [];
        for (let call = 0; call < TOO_MANY; call++) outcomes.push(await next());
        const sent = outcomes.findIndex(({ threw }) => threw);
        assert.ok(sent > 0, `${sent} were sent, ${what}`);
        assert.deepEqual(outcomes.slice(sent), Array(TOO_MANY - sent).fill(told(ended.send)), what);
        if (ending.peerStays) for (let i = 0; i < sent; i++) closeFD(peer.receive(WITHIN_SECONDS));
        await assertEnded(kind, own, peer);
      });
    });

    test('a shutdown wakes both ends', () =>
      withChannel(kind, async (a, b) => {
        const threads = await Promise.all(
          [a, b].map((end) => callInThread(kind, end.fd, ['receive'], ['receive'])),
        );
        for (const thread of threads) await thread.blocked();
        a.shutdown();
        for (const thread of threads) {
          for (let i = 0; i < 2; i++) assert.deepEqual(await thread.next(), told(ended.receive));
          await thread.exit;
        }
      }));
  });
}
