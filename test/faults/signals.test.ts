import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD } from '../../src/index.ts';
import type { Call } from '../fixtures/calls-end.ts';
import { callInProcess } from '../support/calls.ts';
import { TOO_MANY, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { ENDS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { setNonblocking } from '../support/raw.ts';
import { RECEIVE_TIMED_OUT, told } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

const SIGNALS = 3000;

/** Sends signals, each of which interrupts what the process is blocked in, for the fixture handles them. */
async function storm(pid: number): Promise<void> {
  for (let i = 0; i < SIGNALS; i++) {
    process.kill(pid, 'SIGUSR2');
    if (i % 20 === 0) await turn();
  }
}

for (const kind of ENDS) {
  suite(`a storm of signals, ${kind.name}`, (test) => {
    test('does not keep a receive from waiting, and loses nothing', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...sent) => {
          const child = callInProcess(kind, b.fd, [
            ['tryReceive'],
            ['receive'],
            ['receive', WITHIN_SECONDS],
            ['receive'],
          ]);
          assert.deepEqual(await child.next(), {});
          for (const [i, syscall] of ['recvmsg', 'poll'].entries()) {
            assert.equal(await child.blocked(), syscall);
            await storm(child.pid);
            assert.equal(await child.blocked(), syscall);
            a.send(sent[i] as number);
            assert.equal((await child.next()).inode, fstatSync(sent[i] as number).ino);
          }
          await child.blocked();
          await storm(child.pid);
          a.shutdown();
          assert.deepEqual(await child.next(), told(kind.ended.receive));
          assert.deepEqual(await child.exit.then(({ code, stderr }) => [code, stderr]), [0, '']);
        }),
      ));

    for (const nonblocking of [false, true]) {
      test(`does not keep a send from waiting, and sends nothing twice${nonblocking ? ', O_NONBLOCK' : ''}`, () =>
        withChannel(kind, async (a, b) => {
          if (nonblocking) setNonblocking(a.fd);
          const child = callInProcess(kind, a.fd, Array(TOO_MANY).fill(['send', 0]));
          assert.deepEqual(await child.next(), {});
          await child.blocked();
          await storm(child.pid);
          await child.blocked();
          // Not by a blocking call: the process could not go on reporting.
          for (let i = 0; i < TOO_MANY; i++) closeFD(await b.receiveAsync());
          assert.equal((await child.exit).code, 0);
          assert.equal(b.tryReceive(), undefined);
        }));
    }

    test('does not put a timeout off', () =>
      withChannel(kind, async (a, b) => {
        const calls: Call[] = [['tryReceive'], ['receive', { timeout: 300 }], ['receive']];
        const child = callInProcess(kind, b.fd, calls);
        assert.deepEqual(await child.next(), {});
        let over = false;
        const outcome = child.next().finally(() => {
          over = true;
        });
        while (!over) {
          process.kill(child.pid, 'SIGUSR2');
          await turn();
        }
        assert.deepEqual(await outcome, told(RECEIVE_TIMED_OUT));
        a.shutdown();
        await child.exit;
      }));
  });
}
