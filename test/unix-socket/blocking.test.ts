import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { UnixSocket } from '../../src/index.ts';
import { untilBlocked } from '../support/blocked.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { startFixture } from '../support/processes.ts';
import { assertRefused, type Refusal } from '../support/refusals.ts';
import { assertMessage, CONNECTED, drain, fillWithData, TYPES, withPair } from '../support/sockets.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const FIXTURE = 'blocks-on-messages.ts';
type Form = 'receive' | 'receive, timeout' | 'send' | 'send, timeout';
const FORMS: readonly Form[] = ['receive', 'receive, timeout', 'send', 'send, timeout'];

/** Lets a call block, in a thread or a process, on the socket at the other end. */
async function withBlocked(
  where: 'worker' | 'process',
  type: UnixSocket['type'],
  form: Form,
  body: (
    near: UnixSocket,
    far: UnixSocket,
    outcome: () => Promise<unknown>,
    pid: number,
    tid: number,
  ) => unknown,
): Promise<void> {
  await withPair(type, async (near, far) => {
    if (form.startsWith('send')) fillWithData(far, 1);
    if (where === 'worker') {
      const thread = await startWorker(FIXTURE, { fd: far.fd, form });
      assert.equal(await thread.next(), 'begins');
      await untilBlocked(process.pid, thread.tid);
      await body(near, far, () => thread.next(), process.pid, thread.tid as number);
      await thread.worker.terminate();
    } else {
      const child = startFixture(FIXTURE, { fds: [far.fd], args: [form] });
      assert.equal(await child.line(), 'begins');
      await untilBlocked(child.pid);
      await body(near, far, async () => JSON.parse(await child.line()), child.pid, child.pid);
      child.child.kill('SIGKILL');
      await child.exit;
    }
  });
}

/** Receives what fills the socket, and behind it the message that waited, with its descriptor. */
function receiveUntilSent(socket: UnixSocket): void {
  let data = '';
  let fds = 0;
  while (!data.endsWith('sent')) {
    const message = socket.recvMessage(WITHIN_SECONDS);
    data = `${message?.data}`;
    fds += message?.fds.length ?? 0;
    message?.[Symbol.dispose]();
  }
  assert.equal(fds, 1);
}

for (const type of TYPES) {
  for (const where of ['worker', 'process'] as const) {
    suite(`a call that blocks in a ${where}, ${type}`, (test) => {
      for (const form of FORMS) {
        const receives = form.startsWith('receive');
        test(`${form}: what it waits for wakes it`, () =>
          withBlocked(where, type, form, async (near, _, outcome) => {
            if (receives) near.sendMessage('x', [0]);
            else receiveUntilSent(near);
            assert.deepEqual(await outcome(), receives ? { data: 'x', fds: 1 } : { sent: 4 });
          }));
      }
    });
  }

  suite(`a call that blocks and is interrupted, ${type}`, (test) => {
    for (const form of FORMS) {
      test(`${form}: signals do not end it, nor does it last longer`, () =>
        withBlocked('process', type, form, async (near, _, outcome, pid) => {
          for (let i = 0; i < 20; i++) {
            process.kill(pid, 'SIGWINCH');
            await delay(2);
          }
          await untilBlocked(pid);
          if (form.startsWith('receive')) near.sendMessage('x', [0]);
          else receiveUntilSent(near);
          const expected = form.startsWith('receive') ? { data: 'x', fds: 1 } : { sent: 4 };
          assert.deepEqual(await outcome(), expected);
        }));
    }

    test('a worker that blocks can be terminated, whatever it waits for', async () => {
      for (const form of FORMS) {
        await withBlocked('worker', type, form, (near, far) => {
          assert.ok(near.fd >= 0 && far.fd >= 0);
        });
      }
    });
  });

  suite(`the time of a blocking call, ${type}`, (test) => {
    test('a receive, and a send to a full socket: ETIMEDOUT, and nothing is taken or sent', () =>
      withPair(type, (a, b) => {
        for (const timeout of [0, 1, 20]) {
          assertRefused(() => b.recvMessage({ timeout }), [
            ...[Error, 'ETIMEDOUT'],
            {
              syscall: 'recvmsg',
              message: `ETIMEDOUT: connection timed out, recvmsg (nothing came within ${timeout} ms)`,
            },
          ] as unknown as Refusal);
        }
        const filled = fillWithData(a, 1);
        for (const timeout of [0, 1, 20]) {
          assertRefused(() => a.sendMessage('x', [0], { timeout }), [
            ...[Error, 'ETIMEDOUT'],
            {
              syscall: 'sendmsg',
              message: `ETIMEDOUT: connection timed out, sendmsg (no room came within ${timeout} ms)`,
            },
          ] as unknown as Refusal);
        }
        assert.equal(a.trySendMessage('x'), undefined);
        assert.equal(drain(b), filled);
        a.sendMessage('x', [0], { timeout: 0 });
        assertMessage(b.recvMessage({ timeout: 0 }), { data: 'x', files: [0] });
      }));
  });
}

for (const type of CONNECTED) {
  suite(`a call that blocks when the connection ends, ${type}`, (test) => {
    const ends: readonly [
      how: string,
      forms: readonly Form[],
      end: (near: UnixSocket, far: UnixSocket) => void,
    ][] = [
      ['the other end shuts down', FORMS, (near) => near.shutdown()],
      ['its own end is shut down', FORMS, (_, far) => far.shutdown()],
      ["the other end's writing is shut down", FORMS.slice(0, 2), (near) => near.shutdown('write')],
      ['its own reading is shut down', FORMS.slice(0, 2), (_, far) => far.shutdown('read')],
      ["the other end's reading is shut down", FORMS.slice(2), (near) => near.shutdown('read')],
      ['its own writing is shut down', FORMS.slice(2), (_, far) => far.shutdown('write')],
      ['the other end is destroyed', FORMS, (near) => near.destroy()],
    ];
    for (const where of ['worker', 'process'] as const) {
      for (const [how, forms, end] of ends) {
        for (const form of forms) {
          test(`${where}, ${form}: ${how}`, () =>
            withBlocked(where, type, form, async (near, far, outcome) => {
              end(near, far);
              const expected = form.startsWith('receive') ? { end: null } : { code: 'ERR_FDCHANNEL_ENDED' };
              assert.deepEqual(await outcome(), expected);
            }));
        }
      }
    }
  });
}
