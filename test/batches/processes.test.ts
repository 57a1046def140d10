import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD, closeFDs, newEndpoint } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { drainTags, range, tagsOf, withEnds, withTags } from '../support/batches.ts';
import { untilBlocked } from '../support/blocked.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { tagged } from '../support/files.ts';
import { canDropPrivileges } from '../support/other-user.ts';
import { LIMITED, startFixture } from '../support/processes.ts';
import { FRAMINGS } from '../support/raw.ts';
import { skip, suite } from '../support/suite.ts';

const TRUNCATED = 'ERR_FDCHANNEL_CONTROL_TRUNCATED';

for (const framing of FRAMINGS) {
  suite(`many at once between processes, ${framing}`, (test) => {
    for (const form of ['blocking', 'async'] as const) {
      test(`1000 there and back in a storm of signals, ${form}: in order, none lost, none twice`, async () => {
        const [ours, theirs] = socketpair(libc(), framing);
        const own = newEndpoint(ours);
        const child = startFixture('passes-many.ts', { fds: [theirs], args: [form] });
        closeFD(theirs);
        try {
          const tags: number[] = [];
          const sources = range(1, 1000).map(tagged);
          let done = false;
          let sent = 0;
          const storm = (async () => {
            // The first answer says that the child handles the signal.
            for (; !done; await turn()) if (tags.length > 0) process.kill(child.pid, 'SIGUSR2');
          })();
          const sending = (async () => {
            for (; sent < 1000; sent += 50) await own.sendFDsAsync(sources.slice(sent, sent + 50));
          })();
          while (tags.length < 1000) tags.push(...tagsOf(await own.recvFDsAsync()));
          await sending;
          closeFDs(sources);
          done = true;
          await storm;
          assert.deepEqual(tags, range(1, 1000));
          own.shutdown();
          const { code, stdout, stderr } = await child.exit;
          assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
          assert.deepEqual(JSON.parse(stdout), { passed: 1000, code: 'ERR_FDCHANNEL_ENDED' });
        } finally {
          own.destroy();
        }
      });
    }

    test('sendFDs blocks while there is no room, and a storm of signals sends nothing twice', () =>
      withEnds(framing, async (a, b) => {
        const child = startFixture('passes-many.ts', { fds: [b.fd] });
        const sources = range(1, 400).map(tagged);
        const room = a.trySendFDs(sources);
        // It receives those, and has no room to send them all back: nobody receives here.
        a.sendFDs(sources.slice(room));
        await untilBlocked(child.pid);
        for (let i = 0; i < 1000; i++) {
          process.kill(child.pid, 'SIGUSR2');
          if (i % 20 === 0) await turn();
        }
        const tags: number[] = [];
        while (tags.length < 400) tags.push(...tagsOf(a.recvFDs(WITHIN_SECONDS)));
        closeFDs(sources);
        assert.deepEqual(tags, range(1, 400));
        a.shutdown();
        assert.equal((await child.exit).code, 0);
        assert.deepEqual(drainRest(a), []);
      }));

    test('at the descriptor limit: what was installed is returned, each loss is told', () =>
      withEnds(framing, (a, b) =>
        withTags(range(1, 9), async (...files) => {
          a.sendFDs(files);
          const { code, stdout, stderr } = await startFixture('receives-many-at-limit.ts', {
            prefix: LIMITED,
            fds: [b.fd],
          }).exit;
          assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
          assert.deepEqual(JSON.parse(stdout), {
            atLimit: 'EMFILE',
            sizes: [3, 4, 5],
            lost: [TRUNCATED, TRUNCATED],
            restSizes: [8, 9],
            leaked: [],
          });
        }),
      ));

    test('ETOOMANYREFS after some were sent: how many is told, and a retry sends none twice', async () => {
      if (process.platform !== 'linux')
        skip(`only Linux counts descriptors on their way, not ${process.platform}`);
      if (!canDropPrivileges()) skip('root, which no limit holds, cannot become another user here');
      const fixture = startFixture('sends-many-unprivileged.ts', { prefix: LIMITED, args: [framing] });
      const { code, stdout, stderr } = await fixture.exit;
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      const { results, total } = JSON.parse(stdout);
      const refused = (sent: number): object => ({ code: 'ETOOMANYREFS', syscall: 'sendmmsg', sent });
      const count = results[0].received;
      assert.ok(count > 64 && count < 250, `${count} were sent`);
      const thrown = { first: refused(count), again: refused(0), received: count };
      assert.deepEqual(results, [thrown, thrown, thrown, { ...thrown, first: count }]);
      assert.equal(total, 250);
    });
  });
}

function drainRest(endpoint: Parameters<typeof drainTags>[0]): number[] {
  try {
    return drainTags(endpoint);
  } catch (error) {
    assert.equal((error as { code: string }).code, 'ERR_FDCHANNEL_ENDED');
    return [];
  }
}
