import assert from 'node:assert/strict';
import { linkSync, lstatSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { SyscallError, UnixSocket } from '../../src/index.ts';
import { untilBlocked } from '../support/blocked.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { startFixture } from '../support/processes.ts';
import { assertRefused } from '../support/refusals.ts';
import {
  assertMessage,
  countCalls,
  drain,
  SEND_TIMED_OUT,
  withFiles,
  withFolder,
} from '../support/sockets.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const DGRAM = { type: 'dgram' } as const;

/** A bound receiver, and an unbound sender. */
async function withReceiver(
  body: (receiver: UnixSocket, sender: UnixSocket, path: (name: string) => string) => unknown,
): Promise<void> {
  await withFolder(async (path) => {
    const receiver = UnixSocket.bind(path('r'), DGRAM);
    const [sender, unused] = UnixSocket.pair('dgram');
    unused.destroy();
    try {
      await body(receiver, sender, path);
    } finally {
      receiver.destroy();
      sender.destroy();
    }
  });
}

function fillReceiver(sender: UnixSocket, to: string): number {
  for (let sent = 0; ; sent++) {
    if (sender.trySendMessage('fill', [], { to }) === undefined) return sent;
  }
}

suite('datagrams by name', (test) => {
  test('several senders to one socket: each is named, and gets its reply', () =>
    withReceiver((receiver, unbound, path) =>
      withFiles(2, async (files) => {
        const a = UnixSocket.bind(path('a'), DGRAM);
        const b = UnixSocket.bind('\0fdchannel test b\0', DGRAM);
        const to = path('r');
        a.sendMessage('from a', files, { to });
        await b.sendMessageAsync('from b', files.slice(1), { to });
        assert.equal(unbound.trySendMessage('from nobody', [], { to }), 11);
        a.sendMessage('', files, { to });
        b.sendMessage('', [], { to });
        assertMessage(receiver.recvMessage(WITHIN_SECONDS), { data: 'from a', files, from: path('a') });
        assertMessage(receiver.recvMessage(WITHIN_SECONDS), {
          data: 'from b',
          files: files.slice(1),
          from: '\0fdchannel test b\0',
        });
        assertMessage(receiver.recvMessage(WITHIN_SECONDS), { data: 'from nobody', from: undefined });
        assertMessage(receiver.recvMessage(WITHIN_SECONDS), { files, from: path('a') });
        const last = receiver.recvMessage(WITHIN_SECONDS);
        assert.equal(last?.from, '\0fdchannel test b\0');
        for (const [socket, name] of [
          [a, path('a')],
          [b, '\0fdchannel test b\0'],
        ] as const) {
          receiver.sendMessage('reply', files, { to: name });
          assertMessage(socket.recvMessage(WITHIN_SECONDS), { data: 'reply', files, from: to });
          socket.destroy();
        }
      }),
    ));

  test('a connected socket sends to its peer, and elsewhere when told', () =>
    withReceiver(async (receiver, _, path) => {
      const other = UnixSocket.bind(path('other'), DGRAM);
      for (const client of [
        UnixSocket.connect(path('r'), DGRAM),
        UnixSocket.connect(path('r'), { ...DGRAM, timeout: 1000 }),
        await UnixSocket.connectAsync(path('r'), DGRAM),
      ]) {
        client.sendMessage('1', [0]);
        await client.sendMessageAsync('2');
        client.sendMessage('3', [], { to: path('other') });
        assertMessage(receiver.recvMessage(WITHIN_SECONDS), { data: '1', files: [0] });
        assertMessage(receiver.recvMessage(WITHIN_SECONDS), { data: '2' });
        assertMessage(other.recvMessage(WITHIN_SECONDS), { data: '3' });
        client.destroy();
      }
      other.destroy();
    }));

  test('a receiver that is not there, or gone: ENOENT and ECONNREFUSED with the address, in every form', () =>
    withReceiver(async (receiver, sender, path) => {
      linkSync(path('r'), path('gone'));
      receiver.destroy();
      for (const [to, code, errno] of [
        [path('r'), 'ENOENT', -2],
        [path('gone'), 'ECONNREFUSED', -111],
        ['\0fdchannel nobody', 'ECONNREFUSED', -111],
      ] as const) {
        const refusal = [SyscallError, code, { errno, syscall: 'sendmsg', address: to }] as const;
        assertRefused(() => sender.sendMessage('x', [0], { to }), refusal);
        assertRefused(() => sender.sendMessage('x', [0], { to, timeout: 50 }), refusal);
        assertRefused(() => sender.trySendMessage('x', [0], { to }), refusal);
        await assert.rejects(sender.sendMessageAsync('x', [0], { to }), {
          code,
          errno,
          syscall: 'sendmsg',
          address: to,
        });
      }
    }));

  test('a peer that is gone is ECONNREFUSED, which is no end', () =>
    withReceiver(async (receiver, _, path) => {
      const client = UnixSocket.connect(path('r'), DGRAM);
      receiver.destroy();
      assert.throws(() => client.sendMessage('x'), { name: 'SyscallError', code: 'ECONNREFUSED' });
      // Linux has dissolved the connection.
      await assert.rejects(client.sendMessageAsync('x'), { code: 'ENOTCONN' });
      assert.throws(() => client.recvMessage({ timeout: 1 }), { code: 'ETIMEDOUT' });
      client.destroy();
    }));

  test('a socket of another type at the address is EPROTOTYPE', () =>
    withReceiver(async (receiver, sender, path) => {
      assert.throws(() => UnixSocket.connect(path('r'), { type: 'stream' }), {
        code: 'EPROTOTYPE',
        address: path('r'),
      });
      await assert.rejects(UnixSocket.connectAsync(path('r'), { type: 'seqpacket' }), { code: 'EPROTOTYPE' });
      assert.equal(receiver.type, 'dgram');
      assert.equal(sender.type, 'dgram');
    }));

  test('a socket without a peer: sending without an address is ENOTCONN, receiving waits', () =>
    withReceiver(async (receiver, sender, path) => {
      assert.throws(() => receiver.sendMessage('x'), { code: 'ENOTCONN', syscall: 'sendmsg' });
      await assert.rejects(receiver.sendMessageAsync('x'), { code: 'ENOTCONN' });
      assert.equal(receiver.tryRecvMessage(), undefined);
      assert.throws(() => receiver.recvMessage({ timeout: 1 }), { code: 'ETIMEDOUT' });
      const waits = receiver.recvMessageAsync();
      sender.sendMessage('x', [], { to: path('r') });
      assertMessage(await waits, { data: 'x' });
      const { peerCredentials } = receiver;
      assert.throws(() => Reflect.apply(peerCredentials, receiver, []), {
        code: 'ENOTCONN',
        syscall: 'getsockopt',
      });
    }));

  test('destroy removes the file that bind made, and detach leaves it', () =>
    withFolder((path) => {
      UnixSocket.bind(path('s'), DGRAM).destroy();
      assert.equal(lstatSync(path('s'), { throwIfNoEntry: false }), undefined);
      const adopted = new UnixSocket(UnixSocket.bind(path('s'), { ...DGRAM, mode: 0o660 }).detach());
      assert.equal(lstatSync(path('s')).mode & 0o777, 0o660);
      adopted.destroy();
      assert.ok(lstatSync(path('s')).isSocket());
      assert.throws(() => UnixSocket.bind(path('s'), DGRAM), {
        code: 'EADDRINUSE',
        syscall: 'bind',
        address: path('s'),
      });
      const replacing = UnixSocket.bind(path('s'), { ...DGRAM, replace: true });
      assert.throws(() => UnixSocket.bind(path('s'), { ...DGRAM, replace: true }), { code: 'EADDRINUSE' });
      assert.equal(lstatSync(path('s')).mode & 0o777, 0o600);
      replacing.destroy();
    }));
});

suite('a full receiver of datagrams', (test) => {
  test('try: undefined; with a time: ETIMEDOUT with the address', () =>
    withReceiver((receiver, sender, path) => {
      const to = path('r');
      const sent = fillReceiver(sender, to);
      assert.ok(sent > 0);
      for (const timeout of [0, 1, 30]) {
        const message = `ETIMEDOUT: connection timed out, sendmsg '${to}' (the receiver was full for ${timeout} ms)`;
        assertRefused(
          () => sender.sendMessage('x', [0], { to, timeout }),
          [SEND_TIMED_OUT[0], SEND_TIMED_OUT[1], { syscall: 'sendmsg', address: to, message }],
        );
      }
      assert.equal(drain(receiver), 4 * sent);
      assert.equal(sender.sendMessage('x', [0], { to, timeout: 1000 }), 1);
      assertMessage(receiver.recvMessage(WITHIN_SECONDS), { data: 'x', files: [0] });
    }));

  test('sends wait for room without spinning, and go first come, first served', () =>
    withReceiver(async (receiver, sender, path) => {
      const to = path('r');
      fillReceiver(sender, to);
      const calls = countCalls('sendmsg');
      const start = performance.now();
      const sends = Array.from({ length: 5 }, (_, i) => sender.sendMessageAsync(`${i}`, [0], { to }));
      await delay(300);
      const made = calls();
      const most = 5 + 7 + Math.ceil((performance.now() - start) / 50);
      assert.ok(made >= 5 && made <= most, `${made} attempts, and ${most} at most`);
      receiver.recvMessage();
      // This one comes last, although there is room when it is asked for.
      const last = sender.sendMessageAsync('last', [0], { to });
      const seen: string[] = [];
      while (seen.at(-1) !== 'last') {
        const message = await receiver.recvMessageAsync();
        if (message?.fds.length === 1) seen.push(`${message.data}`);
        message?.[Symbol.dispose]();
      }
      assert.deepEqual(seen, ['0', '1', '2', '3', '4', 'last']);
      assert.deepEqual(await Promise.all([...sends, last]), [1, 1, 1, 1, 1, 4]);
    }));

  test('a full receiver holds up nothing that is for another', () =>
    withReceiver(async (_, sender, path) => {
      fillReceiver(sender, path('r'));
      const other = UnixSocket.bind(path('other'), DGRAM);
      const controller = new AbortController();
      const waits = sender.sendMessageAsync('waits', [], { to: path('r'), signal: controller.signal });
      assert.equal(await sender.sendMessageAsync('x', [0], { to: path('other') }), 1);
      assertMessage(other.recvMessage(WITHIN_SECONDS), { data: 'x', files: [0] });
      other.destroy();
      controller.abort();
      await assert.rejects(waits, { name: 'AbortError' });
    }));

  test('an abort ends a send in the middle of the queue, whose descriptors are closed', () =>
    withReceiver(async (receiver, sender, path) => {
      const to = path('r');
      fillReceiver(sender, to);
      const open = openDescriptors().size;
      const controller = new AbortController();
      const { signal } = controller;
      const first = sender.sendMessageAsync('first', [0], { to });
      const aborted = sender.sendMessageAsync('aborted', [0, 0], { to, signal });
      const last = sender.sendMessageAsync('last', [0], { to });
      assert.equal(openDescriptors().size, open + 4);
      controller.abort('reason');
      await assert.rejects(aborted, (error) => error === 'reason');
      assert.equal(openDescriptors().size, open + 2);
      const seen: string[] = [];
      while (seen.at(-1) !== 'last') {
        const message = await receiver.recvMessageAsync();
        seen.push(`${message?.data}`);
        message?.[Symbol.dispose]();
      }
      assert.deepEqual(seen.slice(-2), ['first', 'last']);
      assert.deepEqual(await Promise.all([first, last]), [5, 4]);
    }));

  for (const ending of ['destroy', 'detach'] as const) {
    test(`${ending} rejects what waits`, () =>
      withReceiver(async (receiver, sender, path) => {
        fillReceiver(sender, path('r'));
        const open = openDescriptors().size;
        const sends = Array.from({ length: 3 }, () => sender.sendMessageAsync('x', [0], { to: path('r') }));
        const fd = sender[ending]();
        for (const one of sends) await assert.rejects(one, { code: 'EBADF', syscall: 'sendmsg' });
        if (fd !== undefined) new UnixSocket(fd).destroy();
        assert.equal(openDescriptors().size, open - 1);
        drain(receiver);
      }));
  }

  test('a receiver that goes while sends wait: each is told', () =>
    withReceiver(async (receiver, sender, path) => {
      const to = path('r');
      fillReceiver(sender, to);
      const sends = Array.from({ length: 3 }, () => sender.sendMessageAsync('x', [0], { to }));
      receiver.destroy();
      for (const one of sends) await assert.rejects(one, { code: 'ENOENT', address: to });
    }));

  test('a connected sender waits for the event, without spinning', () =>
    withReceiver(async (receiver, _, path) => {
      const client = UnixSocket.connect(path('r'), DGRAM);
      while (client.trySendMessage('fill') !== undefined);
      const calls = countCalls('sendmsg');
      const send = client.sendMessageAsync('x', [0]);
      await delay(200);
      const made = calls();
      assert.ok(made <= 3, `${made} attempts`);
      assert.throws(() => client.sendMessage('y', [], { timeout: 20 }), { code: 'ETIMEDOUT' });
      for (let data = ''; data !== 'x'; ) {
        const message = await receiver.recvMessageAsync();
        data = `${message?.data}`;
        message?.[Symbol.dispose]();
      }
      assert.equal(await send, 1);
      client.destroy();
    }));

  test('a blocking send of a main thread waits in the kernel', () =>
    withReceiver(async (receiver, sender, path) => {
      fillReceiver(sender, path('r'));
      const child = startFixture('sends-datagram.ts', { args: [path('r')] });
      assert.equal(await child.line(), 'sending');
      assert.equal(await untilBlocked(child.pid, child.pid, ['sendmsg']), 'sendmsg');
      let data = '';
      while (data !== 'sent') data = `${(await receiver.recvMessageAsync())?.data}`;
      assert.equal((await child.exit).code, 0);
    }));

  test('a blocking send of a worker waits, and can be terminated', () =>
    withReceiver(async (receiver, sender, path) => {
      fillReceiver(sender, path('r'));
      const [terminated, unused] = UnixSocket.pair('dgram');
      const { fd } = unused;
      const one = await startWorker('sends-datagram.ts', { to: path('r'), fd: terminated.fd });
      const other = await startWorker('sends-datagram.ts', { to: path('r'), fd });
      for (const thread of [one, other]) {
        assert.equal(await thread.next(), 'sending');
        await untilBlocked(process.pid, thread.tid);
      }
      await one.worker.terminate();
      let data = '';
      while (data !== 'sent') data = `${(await receiver.recvMessageAsync())?.data}`;
      assert.equal(await other.exit, 0);
      terminated.destroy();
      unused.detach();
    }));
});

suite('datagrams and the loop', (test) => {
  test('it turns although each send to an address succeeds at once', () =>
    withReceiver(async (receiver, sender, path) => {
      let turned = false;
      setImmediate(() => {
        turned = true;
      });
      for (let i = 0; i < 1000 && !turned; i++) {
        await sender.sendMessageAsync('x', [], { to: path('r') });
        receiver.tryRecvMessage();
      }
      assert.ok(turned);
    }));

  test('a relative address keeps what it meant', () =>
    withReceiver(async (receiver, sender, path) => {
      const before = process.cwd();
      fillReceiver(sender, path('r'));
      process.chdir(path(''));
      try {
        const send = sender.sendMessageAsync('relative', [], { to: 'r' });
        process.chdir('/');
        drain(receiver);
        assert.equal(await send, 8);
        assertMessage(receiver.recvMessage(WITHIN_SECONDS), { data: 'relative' });
      } finally {
        process.chdir(before);
      }
    }));

  test('after shutdown the sender of an empty datagram is still told', () =>
    withReceiver(async (receiver, sender, path) => {
      const named = UnixSocket.bind(path('named'), DGRAM);
      named.sendMessage('', [], { to: path('r') });
      sender.sendMessage('from nobody', [], { to: path('r') });
      receiver.shutdown('read');
      assertMessage(receiver.recvMessage(WITHIN_SECONDS), { from: path('named') });
      assertMessage(receiver.recvMessage(WITHIN_SECONDS), { data: 'from nobody' });
      assert.equal(receiver.tryRecvMessage(), null);
      assert.equal(receiver.recvMessage({ timeout: 0 }), null);
      assert.equal(receiver.recvMessage(WITHIN_SECONDS), null);
      assert.equal(receiver.recvMessage(), null);
      assert.equal(await receiver.recvMessageAsync(), null);
      named.destroy();
      rmSync(path('named'), { force: true });
    }));
});
