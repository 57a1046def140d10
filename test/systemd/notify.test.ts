import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { closeFD, type Message, SyscallError, UnixListener, UnixSocket } from '../../src/index.ts';
import { notify, notifyBarrier } from '../../src/systemd.ts';
import { untilBlocked } from '../support/blocked.ts';
import { tagged, tagOf, withDescriptors } from '../support/files.ts';
import { withManager, withVariable } from '../support/manager.ts';
import { assertEnded, withName } from '../support/named.ts';
import { startFixture } from '../support/processes.ts';
import {
  assertRefused,
  BAD_RANGE,
  BAD_TYPE,
  BAD_VALUE,
  closed,
  RECEIVE_TIMED_OUT,
  SEND_TIMED_OUT,
} from '../support/refusals.ts';
import { drain } from '../support/sockets.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

function told(manager: UnixSocket): Message {
  const message = manager.tryRecvMessage();
  assert.ok(message);
  return message;
}

/** Sends to a manager until it has no room: each message by a socket of its own, whose own room would end earlier. */
function fill(address: string): void {
  for (let sent: number | undefined = 0; sent !== undefined; ) {
    const other = UnixSocket.connect(address, { type: 'dgram' });
    sent = other.trySendMessage('full');
    other.destroy();
  }
}

suite('notify', (test) => {
  for (const abstract of [false, true]) {
    test(`tells a manager at ${abstract ? 'an abstract name' : 'a path'}`, () =>
      withManager(abstract, async (manager) => {
        assert.equal(notify('READY=1\nSTATUS=ä'), true);
        const { data, fds } = told(manager);
        assert.deepEqual([data.toString(), fds], ['READY=1\nSTATUS=ä', []]);
      }));
  }

  test('passes a descriptor to keep, which stays the caller’s', () =>
    withManager(false, (manager) =>
      withDescriptors([tagged(7)], (fd) => {
        assert.equal(notify('FDSTORE=1\nFDNAME=seven', [{ fd }]), true);
        const { data, fds } = told(manager);
        assert.equal(data.toString(), 'FDSTORE=1\nFDNAME=seven');
        assert.deepEqual(fds.map(tagOf), [7]);
        assert.equal(fstatSync(fd).size, 7);
      }),
    ));

  test('passes 253 descriptors, and refuses one more', () =>
    withManager(false, (manager) =>
      withDescriptors([tagged(7)], (fd) => {
        const sources = Array.from({ length: 253 }, () => fd);
        assert.equal(notify('FDSTORE=1', sources), true);
        const message = told(manager);
        assert.equal(message.fds.length, 253);
        assert.ok(!message.controlTruncated);
        message[Symbol.dispose]();
        assertRefused(() => notify('FDSTORE=1', [...sources, fd]), BAD_RANGE);
        assert.equal(manager.tryRecvMessage(), undefined);
      }),
    ));

  test('says where no manager asked', () =>
    withVariable('', () => {
      assert.equal(notify('READY=1'), false);
      assert.equal(notify('FDSTORE=1', [0], { timeout: 5 }), false);
      delete process.env['NOTIFY_SOCKET'];
      assert.equal(notify('READY=1'), false);
      assert.equal(notifyBarrier({ timeout: 5 }), false);
    }));

  test('refuses what it does not understand, with a manager and without', async () => {
    const refuses = (manager?: UnixSocket): void => {
      for (const state of [undefined, null, 1, {}, ['READY=1'], Buffer.from('READY=1')]) {
        assertRefused(() => notify(state as string), BAD_TYPE);
      }
      assertRefused(() => notify(''), BAD_VALUE);
      assertRefused(() => notify('READY=1', 0 as never), BAD_TYPE);
      assertRefused(() => notify('READY=1', [-1]), BAD_RANGE);
      assertRefused(() => notify('READY=1', ['0' as never]), BAD_TYPE);
      assertRefused(() => notify('READY=1', [], { timeout: -1 }), BAD_RANGE);
      assertRefused(() => notify('READY=1', [], 5 as never), BAD_TYPE);
      assertRefused(() => notifyBarrier({ timeout: Number.NaN }), BAD_RANGE);
      assertRefused(() => notifyBarrier({ signal: AbortSignal.abort() } as never), BAD_VALUE);
      assert.equal(manager?.tryRecvMessage(), undefined);
    };
    await withManager(false, async (manager) => refuses(manager));
    await withVariable('', () => refuses());
  });

  test('refuses a NOTIFY_SOCKET that names no Unix socket', async () => {
    for (const name of ['relative', 'vsock:2:1234', ' /path']) {
      await withVariable(name, () => {
        assertRefused(() => notify('READY=1'), BAD_VALUE);
        assertRefused(() => notifyBarrier(), BAD_VALUE);
      });
    }
  });

  test('says why a manager cannot be reached', () =>
    withName(false, async ({ ours }) => {
      const refused = (code: string) =>
        withVariable(ours, () => {
          for (const call of [() => notify('READY=1'), () => notifyBarrier({ timeout: 5 })]) {
            assertRefused(call, [SyscallError, code, { syscall: 'connect', address: ours }]);
          }
        });
      await refused('ENOENT');
      const listener = UnixListener.listen(ours, { type: 'stream' });
      await refused('EPROTOTYPE');
      listener.destroy();
      closeFD(UnixSocket.bind(ours, { type: 'dgram' }).detach());
      await refused('ECONNREFUSED');
    }));

  test('a descriptor that is not open tells nobody anything', () =>
    withManager(false, async (manager) => {
      assertRefused(() => notify('FDSTORE=1', [2 ** 31 - 1]), closed('sendmsg'));
      assert.equal(manager.tryRecvMessage(), undefined);
    }));

  test('a full manager makes it wait for the time that it has', () =>
    withManager(false, async (manager, { ours }) => {
      fill(ours);
      for (const timeout of [0, 5]) {
        assertRefused(() => notify('READY=1', [], { timeout }), SEND_TIMED_OUT);
        assertRefused(() => notifyBarrier({ timeout }), SEND_TIMED_OUT);
      }
      drain(manager);
      assert.equal(notify('READY=1', [], { timeout: 5 }), true);
      assert.equal(told(manager).data.toString(), 'READY=1');
    }));

  test('a full manager blocks it, until the manager reads', () =>
    withManager(false, async (manager, { ours }) => {
      fill(ours);
      const service = startFixture('notifies.ts', { args: ['READY=1'] });
      assert.equal(await service.line(), 'started');
      await untilBlocked(service.pid);
      const seen = await readUntilBarrier(manager);
      assert.equal(seen.at(-2), 'READY=1');
      await assertEnded(service, 'started\n[true,true]\n');
    }));

  test('a worker thread tells the same manager', () =>
    withManager(false, async (manager) => {
      const thread = await startWorker('notifies.worker.ts');
      assert.deepEqual(await readUntilBarrier(manager), ['READY=1', 'BARRIER=1']);
      assert.deepEqual(await thread.next(), [true, true]);
      assert.equal(await thread.exit, 0);
    }));
});

suite('notifyBarrier', (test) => {
  test('waits until the manager has read what it was told before', () =>
    withManager(false, async (manager) => {
      const service = startFixture('notifies.ts', { args: ['READY=1', 'STATUS=on'] });
      assert.equal(await service.line(), 'started');
      await untilBlocked(service.pid, service.pid, ['poll', 'ppoll', 'recvmsg']);
      const messages = [told(manager), told(manager), told(manager)];
      assert.deepEqual(
        messages.map(({ data }) => data.toString()),
        ['READY=1', 'STATUS=on', 'BARRIER=1'],
      );
      const barrier = messages[2] as Message;
      assert.deepEqual([messages[0]?.fds.length, messages[1]?.fds.length, barrier.fds.length], [0, 0, 1]);
      // It has read all, but not closed the descriptor, which is what counts.
      await untilBlocked(service.pid, service.pid, ['poll', 'ppoll', 'recvmsg']);
      assert.equal(service.child.exitCode, null);
      barrier[Symbol.dispose]();
      await assertEnded(service, 'started\n[true,true,true]\n');
    }));

  test('gives up when its time is over', () =>
    withManager(false, async (manager) => {
      assertRefused(() => notifyBarrier({ timeout: 0 }), RECEIVE_TIMED_OUT);
      assertRefused(() => notifyBarrier({ timeout: 5 }), RECEIVE_TIMED_OUT);
      drain(manager);
    }));

  test('a manager that ends has read what it will ever read', () =>
    withManager(false, async (manager) => {
      const service = startFixture('notifies.ts', { args: ['READY=1'] });
      assert.equal(await service.line(), 'started');
      await untilBlocked(service.pid, service.pid, ['poll', 'ppoll', 'recvmsg']);
      manager.destroy();
      await assertEnded(service, 'started\n[true,true]\n');
    }));
});

/** What a manager reads that does what one should: it closes the barrier's descriptor. */
async function readUntilBarrier(manager: UnixSocket): Promise<string[]> {
  const seen: string[] = [];
  while (seen.at(-1) !== 'BARRIER=1') {
    const message = await manager.recvMessageAsync({ signal: AbortSignal.timeout(30_000) });
    seen.push(`${message?.data}`);
    message?.[Symbol.dispose]();
  }
  return seen;
}
