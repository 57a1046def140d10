import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { UnixListener, UnixSocket } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { untilBlocked } from '../support/blocked.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { LIMITED, startFixture } from '../support/processes.ts';
import { statusFlags } from '../support/raw.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE, type Refusal } from '../support/refusals.ts';
import { assertMessage, CONNECTED, countCalls, withFolder } from '../support/sockets.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const { O_NONBLOCK } = constants;

/** A listener, and what makes connections to it, which the body destroys. */
async function withListener(
  type: 'seqpacket' | 'stream',
  body: (listener: UnixListener, connect: () => UnixSocket, path: string) => unknown,
): Promise<void> {
  await withFolder(async (path) => {
    const listener = UnixListener.listen(path('s'), { type });
    try {
      await body(listener, () => UnixSocket.connect(path('s'), { type }), path('s'));
    } finally {
      listener.destroy();
    }
  });
}

const forms: Record<string, (listener: UnixListener) => Promise<UnixSocket | undefined>> = {
  accept: async (listener) => listener.accept(),
  'accept with a timeout': async (listener) => listener.accept(WITHIN_SECONDS),
  tryAccept: async (listener) => listener.tryAccept(),
  acceptAsync: (listener) => listener.acceptAsync(),
  iteration: async (listener) => {
    for await (const connection of listener) return connection;
    return undefined;
  },
};

for (const type of CONNECTED as readonly ('seqpacket' | 'stream')[]) {
  for (const [form, accept] of Object.entries(forms)) {
    suite(`${form}, ${type}`, (test) => {
      test('two connections, in order, blocking and independent of the listener', () =>
        withListener(type, async (listener, connect) => {
          const clients = [connect(), connect()];
          for (const [i, client] of clients.entries()) client.sendMessage(`${i}`, [0]);
          const servers = [await accept(listener), await accept(listener)];
          listener.destroy();
          for (const [i, server] of servers.entries()) {
            assert.ok(server instanceof UnixSocket);
            assert.equal(server.type, type);
            assert.equal(statusFlags(server.fd) & O_NONBLOCK, 0);
            assertMessage(server.recvMessage(WITHIN_SECONDS), { data: `${i}`, files: [0] });
            server.destroy();
            assert.equal(clients[i]?.recvMessage(WITHIN_SECONDS), null);
            clients[i]?.destroy();
          }
        }));

      test('a peer that is gone already is no error: what it sent comes, and then the end', () =>
        withListener(type, async (listener, connect) => {
          const first = connect();
          first.sendMessage('last words', [0]);
          first.destroy();
          connect().destroy();
          const one = await accept(listener);
          assertMessage(one?.recvMessage(WITHIN_SECONDS), { data: 'last words', files: [0] });
          assert.equal(one?.recvMessage(WITHIN_SECONDS), null);
          const { pid } = one?.peerCredentials() ?? {};
          assert.equal(pid, process.pid);
          const other = await accept(listener);
          assert.equal(other?.recvMessage(WITHIN_SECONDS), null);
          one?.destroy();
          other?.destroy();
        }));
    });
  }

  suite(`a listener at work, ${type}`, (test) => {
    test('it never blocks the loop when another was faster', () =>
      withListener(type, async (listener, connect) => {
        // Two objects for one description, as two processes that share it.
        const other = new UnixListener(libc().duplicate(listener.fd));
        const waits = listener.acceptAsync();
        for (let i = 0; i < 20; i++) {
          const client = connect();
          other.accept(WITHIN_SECONDS).destroy();
          client.destroy();
          await delay(1);
        }
        assert.equal(listener.tryAccept(), undefined);
        assert.throws(() => listener.accept({ timeout: 1 }), { code: 'ETIMEDOUT' });
        const client = connect();
        (await waits).destroy();
        client.destroy();
        other.destroy();
      }));

    test('several processes share it: each connection comes to one of them', () =>
      withListener(type, async (listener, connect) => {
        const children = [1, 2].map(() => startFixture('accepts.ts', { fds: [listener.fd] }));
        for (const child of children) assert.equal(await child.line(), 'listening');
        const clients = Array.from({ length: 60 }, connect);
        const answers = new Set<string>();
        let own = 0;
        const controller = new AbortController();
        const accepting = (async () => {
          for await (const connection of listener.connections({ signal: controller.signal })) {
            own++;
            connection.sendMessage(`${process.pid}`);
            connection.destroy();
          }
        })().catch((error) => assert.equal(error.name, 'AbortError'));
        for (const client of clients) {
          const message = await client.recvMessageAsync();
          answers.add(`${message?.data}`);
          client.destroy();
        }
        controller.abort();
        await accepting;
        for (const child of children) child.stdin.end();
        const counts = await Promise.all(
          children.map(async ({ exit }) => Number((await exit).stdout.split('\n')[1])),
        );
        assert.equal(own + counts.reduce((sum, count) => sum + count, 0), 60);
        assert.ok(answers.size > 0);
      }));

    test('it is made non-blocking, also an adopted one, and its connections are not', () =>
      withListener(type, (listener, connect) => {
        assert.notEqual(statusFlags(listener.fd) & O_NONBLOCK, 0);
        const fd = listener.detach();
        const flags = libc().raw.fcntl(fd, libc().abi.F_SETFL, statusFlags(fd) & ~O_NONBLOCK);
        assert.equal(flags, 0);
        const adopted = new UnixListener(fd);
        assert.notEqual(statusFlags(adopted.fd) & O_NONBLOCK, 0);
        const client = connect();
        const server = adopted.accept();
        assert.equal(statusFlags(server.fd) & O_NONBLOCK, 0);
        for (const one of [client, server, adopted]) one.destroy();
      }));

    test('at the descriptor limit: EMFILE, again and again, and it goes on with the connection', () =>
      withListener(type, async (listener, connect) => {
        const child = startFixture('accepts-at-limit.ts', {
          fds: [listener.fd],
          prefix: LIMITED,
        });
        assert.equal(await child.line(), 'full');
        const client = connect();
        client.sendMessage('patient');
        child.stdin.end('go\n');
        const { code, stdout, stderr } = await child.exit;
        assert.equal(code, 0, stderr);
        const EMFILE = { name: 'SyscallError', code: 'EMFILE' };
        assert.deepEqual(JSON.parse(stdout.split('\n')[1] as string), {
          refusals: [EMFILE, EMFILE, EMFILE, EMFILE],
          data: ['patient', 'later'],
          leaked: [],
        });
        client.destroy();
      }));

    test('waits go first come, first served', () =>
      withListener(type, async (listener, connect) => {
        const order: number[] = [];
        const accepts = [0, 1, 2].map(async (i) => {
          const server = await listener.acceptAsync();
          order.push(i);
          assertMessage(await server.recvMessageAsync(), { data: `${i}` });
          server.destroy();
        });
        const clients = [0, 1, 2].map((i) => {
          const client = connect();
          client.sendMessage(`${i}`);
          return client;
        });
        await Promise.all(accepts);
        assert.deepEqual(order, [0, 1, 2]);
        for (const client of clients) client.destroy();
      }));

    test('an aborted wait has taken nothing', () =>
      withListener(type, async (listener, connect) => {
        const controller = new AbortController();
        const aborted = listener.acceptAsync({ signal: controller.signal });
        const next = listener.acceptAsync();
        const client = connect();
        controller.abort('reason');
        await assert.rejects(aborted, (error) => error === 'reason');
        (await next).destroy();
        client.destroy();
        await assert.rejects(
          listener.acceptAsync({ signal: AbortSignal.abort('again') }),
          (error) => error === 'again',
        );
      }));

    for (const ending of ['destroy', 'detach'] as const) {
      test(`${ending} rejects what waits, and ends an iteration`, () =>
        withListener(type, async (listener) => {
          const waits = [listener.acceptAsync(), listener.acceptAsync()];
          const iterating = (async () => {
            for await (const connection of listener) assert.fail(`${connection.fd}`);
            return 'ended';
          })();
          const fd = listener[ending]();
          for (const one of waits) await assert.rejects(one, { code: 'EBADF', syscall: 'accept' });
          assert.equal(await iterating, 'ended');
          const message = `EBADF: bad file descriptor, accept (the UnixListener is ${ending}ed)`;
          assert.throws(() => listener.accept(), { code: 'EBADF', message });
          assert.throws(() => listener.accept({ timeout: 1 }), { code: 'EBADF' });
          assert.throws(() => listener.tryAccept(), { code: 'EBADF' });
          await assert.rejects(listener.acceptAsync(), { code: 'EBADF' });
          for (const call of [() => listener.detach(), () => listener.ref(), () => listener.unref()]) {
            assert.throws(call, { code: 'EBADF' });
          }
          assert.equal(listener.fd, -1);
          if (fd !== undefined) new UnixListener(fd).destroy();
        }));
    }

    test('the time of a blocking accept ends it', () =>
      withListener(type, (listener) => {
        for (const timeout of [0, 1, 30]) {
          assertRefused(() => listener.accept({ timeout }), [
            ...[Error, 'ETIMEDOUT'],
            {
              syscall: 'accept',
              message: `ETIMEDOUT: connection timed out, accept (nothing came within ${timeout} ms)`,
            },
          ] as unknown as Refusal);
        }
      }));

    test('a blocking accept of a worker waits, and can be terminated', () =>
      withListener(type, async (listener, connect) => {
        const other = libc().duplicate(listener.fd);
        const threads = [
          await startWorker('accepts.worker.ts', listener.fd),
          await startWorker('accepts.worker.ts', other),
        ];
        for (const thread of threads) {
          assert.equal(await thread.next(), 'accepting');
          await untilBlocked(process.pid, thread.tid);
        }
        await threads[0]?.worker.terminate();
        const client = connect();
        assertMessage(await client.recvMessageAsync(), { data: 'accepted' });
        client.destroy();
        assert.equal(await threads[1]?.exit, 0);
      }));

    test('a wait that nothing comes to makes no calls', () =>
      withListener(type, async (listener) => {
        const calls = countCalls('accept4');
        const waits = listener.acceptAsync();
        await delay(100);
        assert.ok(calls() <= 1);
        listener.destroy();
        await assert.rejects(waits, { code: 'EBADF' });
      }));

    test('a wait keeps the process alive, until unref', () =>
      withListener(type, async (listener) => {
        const { code, stdout, stderr } = await startFixture('unrefs-listener.ts', { fds: [listener.fd] })
          .exit;
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'ends', stderr: '' });
      }));

    test('bad options are refused', () =>
      withListener(type, async (listener) => {
        assertRefused(() => listener.accept({ timeout: -1 }), BAD_RANGE);
        assertRefused(() => listener.accept({ timeout: 'x' as never }), BAD_TYPE);
        assertRefused(() => listener.accept(null as never), BAD_TYPE);
        assertRefused(
          () => listener.accept({ signal: AbortSignal.abort() } as never),
          [TypeError, 'ERR_INVALID_ARG_VALUE'],
        );
        await assert.rejects(listener.acceptAsync({ timeout: 1 } as never), {
          code: 'ERR_INVALID_ARG_VALUE',
        });
        await assert.rejects(listener.acceptAsync({ signal: {} as never }), { code: BAD_TYPE[1] });
      }));
  });
}

suite('what a listener may be made of', (test) => {
  test('a socket that does not listen, another family, a file, nothing', () =>
    withListener('stream', (listener, connect) => {
      const client = connect();
      const open = openDescriptors().size;
      for (const [fd, refusal] of [
        [client.fd, [TypeError, 'ERR_INVALID_ARG_TYPE']],
        [0, [Error, 'ENOTSOCK']],
        [2 ** 31 - 1, [Error, 'EBADF']],
        [-1, BAD_RANGE],
        ['3', BAD_TYPE],
        [listener, BAD_TYPE],
        [undefined, BAD_TYPE],
      ] as const) {
        assertRefused(() => new UnixListener(fd as never), refusal as unknown as Refusal, `${fd}`);
      }
      assert.throws(
        () => new UnixListener(client.fd),
        /expected an AF_UNIX socket that listens, got one that does not listen/,
      );
      assert.equal(openDescriptors().size, open);
      client.sendMessage('unharmed');
      const server = listener.accept();
      assertMessage(server.recvMessage(WITHIN_SECONDS), { data: 'unharmed' });
      client.destroy();
      server.destroy();
    }));

  test('a socket that is not bound', () => {
    const { abi, raw } = libc();
    const fd = raw.socket(abi.AF_UNIX, abi.SOCK_STREAM | abi.SOCK_CLOEXEC, 0);
    assert.throws(() => new UnixListener(fd), { code: 'ERR_INVALID_ARG_TYPE' });
    raw.close(fd);
  });
});
