import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD } from '../../src/index.ts';
import { untilBlocked } from '../support/blocked.ts';
import { callInProcess } from '../support/calls.ts';
import {
  ENDED,
  FRAMINGS,
  SOON,
  TIMED_OUT,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { setNonblocking } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

const SIGNALS = 3000;

/** More than a socket has room for. */
const TOO_MANY = 400;

/** Sends signals, each of which interrupts what the process is blocked in, for the fixture handles them. */
async function storm(pid: number): Promise<void> {
  for (let i = 0; i < SIGNALS; i++) {
    process.kill(pid, 'SIGUSR2');
    if (i % 20 === 0) await turn();
  }
}

for (const framing of FRAMINGS) {
  suite(`a storm of signals, ${framing}`, (test) => {
    test('does not keep recvFD from waiting, and loses nothing', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...sent) => {
          const child = callInProcess(b.fd, [['tryRecvFD'], ['recvFD'], ['recvFD', SOON], ['recvFD']]);
          assert.deepEqual(await child.next(), {});
          for (const [i, syscall] of ['recvmsg', 'poll'].entries()) {
            assert.equal(await untilBlocked(child.pid), syscall);
            await storm(child.pid);
            assert.equal(await untilBlocked(child.pid), syscall);
            a.sendFD(sent[i] as number);
            assert.equal((await child.next()).inode, fstatSync(sent[i] as number).ino);
          }
          await untilBlocked(child.pid);
          await storm(child.pid);
          a.shutdown();
          assert.deepEqual(await child.next(), { threw: { name: 'ChannelError', code: ENDED[1] } });
          assert.deepEqual(await child.exit.then(({ code, stderr }) => [code, stderr]), [0, '']);
        }),
      ));

    for (const nonblocking of [false, true]) {
      test(`does not keep sendFD from waiting, and sends nothing twice${nonblocking ? ', O_NONBLOCK' : ''}`, () =>
        withChannel(framing, async (a, b) => {
          if (nonblocking) setNonblocking(a.fd);
          const child = callInProcess(a.fd, Array(TOO_MANY).fill(['sendFD', 0]));
          assert.deepEqual(await child.next(), {});
          await untilBlocked(child.pid);
          await storm(child.pid);
          await untilBlocked(child.pid);
          for (let i = 0; i < TOO_MANY; i++) closeFD(b.recvFD(SOON));
          assert.equal((await child.exit).code, 0);
          assert.equal(b.tryRecvFD(), undefined);
        }));
    }

    test('does not put a timeout off', () =>
      withChannel(framing, async (_, b) => {
        const child = callInProcess(b.fd, [['tryRecvFD'], ['recvFD', { timeout: 300 }]]);
        assert.deepEqual(await child.next(), {});
        const start = performance.now();
        await untilBlocked(child.pid);
        let over = false;
        const outcome = child.next().finally(() => {
          over = true;
        });
        while (!over) {
          process.kill(child.pid, 'SIGUSR2');
          await turn();
        }
        assert.deepEqual(await outcome, { threw: { name: 'SyscallError', code: TIMED_OUT[1] } });
        assert.ok(performance.now() - start < 3000);
        await child.exit;
      }));
  });
}
