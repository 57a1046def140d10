import assert from 'node:assert/strict';
import { constants, fstatSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type SocketType, SyscallError, UnixListener, UnixSocket } from '../../src/index.ts';
import { untilBlocked } from '../support/blocked.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { startFixture } from '../support/processes.ts';
import { statusFlags } from '../support/raw.ts';
import { BAD_TYPE, type Refusal } from '../support/refusals.ts';
import { assertMessage, CONNECTED, countCalls, withFiles, withFolder } from '../support/sockets.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const { O_NONBLOCK } = constants;

type Options = { type?: SocketType };
const forms = {
  connect: async (address: string, options?: Options) => UnixSocket.connect(address, options),
  'connect with a timeout': async (address: string, options?: Options) =>
    UnixSocket.connect(address, { ...options, timeout: 5_000 }),
  connectAsync: (address: string, options?: Options) => UnixSocket.connectAsync(address, options),
};

/** A listener whose backlog is full, and the connections that fill it. */
async function withFullBacklog(
  type: SocketType,
  body: (path: string, listener: UnixListener) => unknown,
): Promise<void> {
  await withFolder(async (path) => {
    const listener = UnixListener.listen(path('s'), { type: type as 'stream', backlog: 0 });
    const filling = UnixSocket.connect(path('s'), { type });
    try {
      await body(path('s'), listener);
    } finally {
      filling.destroy();
      listener.destroy();
    }
  });
}

for (const [form, connect] of Object.entries(forms)) {
  suite(form, (test) => {
    for (const type of CONNECTED) {
      test(`${type}: both ends pass data and descriptors, and have no flag left behind`, () =>
        withFolder((path) =>
          withFiles(1, async (files) => {
            const listener = UnixListener.listen(path('s'), { type: type as 'stream' });
            const client = await connect(path('s'), { type });
            const server = listener.accept(WITHIN_SECONDS);
            assert.deepEqual([client.type, server.type, listener.type], [type, type, type]);
            for (const { fd } of [client, server]) assert.equal(statusFlags(fd) & O_NONBLOCK, 0);
            client.sendMessage('there', files);
            assertMessage(server.recvMessage(WITHIN_SECONDS), { data: 'there', files });
            server.sendMessage('back', files);
            assertMessage(client.recvMessage(WITHIN_SECONDS), { data: 'back', files });
            client.destroy();
            assert.equal(server.recvMessage(WITHIN_SECONDS), null);
            server.destroy();
            listener.destroy();
          }),
        ));
    }

    test("errors of the kernel have Node's shape, with the address", () =>
      withFolder(async (path) => {
        const listener = UnixListener.listen(path('stream'), { type: 'stream' });
        const stale = path('stale');
        const other = UnixListener.listen(path('other'));
        linkSync(path('other'), stale);
        other.destroy();
        writeFileSync(path('file'), '');
        symlinkSync(path('loop'), path('loop'));
        const refused: readonly [address: string, code: string, errno: number, text: string][] = [
          [path('missing'), 'ENOENT', -2, 'no such file or directory'],
          [path('missing/s'), 'ENOENT', -2, 'no such file or directory'],
          [path('file/s'), 'ENOTDIR', -20, 'not a directory'],
          [path('loop'), 'ELOOP', -40, 'too many symbolic links encountered'],
          [stale, 'ECONNREFUSED', -111, 'connection refused'],
          [path('file'), 'ECONNREFUSED', -111, 'connection refused'],
          [path('stream'), 'EPROTOTYPE', -91, 'protocol wrong type for socket'],
          ['\0fdchannel: nobody is here', 'ECONNREFUSED', -111, 'connection refused'],
        ];
        for (const [address, code, errno, text] of refused) {
          await assert.rejects(connect(address, { type: 'seqpacket' }), (error) => {
            assert.ok(error instanceof SyscallError);
            const { name, message, syscall } = error;
            const shown = address.startsWith('\0') ? `'\\x00${address.slice(1)}'` : `'${address}'`;
            assert.deepEqual(
              { ...error, message, name, syscall },
              {
                name: 'SyscallError',
                code,
                errno,
                syscall: 'connect',
                address,
                message: `${code}: ${text}, connect ${shown}`,
              },
            );
            return true;
          });
        }
        listener.destroy();
      }));

    const bad: readonly [unknown, Refusal][] = [
      ...[undefined, null, 5, {}, Buffer.from('/s'), ['/s'], new URL('file:///s')].map(
        (value): [unknown, Refusal] => [value, BAD_TYPE],
      ),
      ['', [TypeError, 'ERR_INVALID_ARG_VALUE']],
      ['/a\0b', [TypeError, 'ERR_INVALID_ARG_VALUE']],
      ['a\0', [TypeError, 'ERR_INVALID_ARG_VALUE']],
    ];
    for (const [address, [, code]] of bad) {
      test(`address ${JSON.stringify(address)} is refused`, () =>
        assert.rejects(connect(address as string), { code, message: /^"address": expected a path/ }));
    }

    test('a path of 107 bytes is taken, and one of 108 refused before the kernel is asked', () =>
      withFolder(async (path) => {
        const longest = path('x'.repeat(107 - path('').length - 1));
        assert.equal(longest.length, 107);
        const listener = UnixListener.listen(longest, { type: 'stream' });
        assert.equal(listener.address, longest);
        const client = await connect(longest, { type: 'stream' });
        client.destroy();
        listener.destroy();
        for (const [tooLong, bytes] of [
          [`${longest}x`, 108],
          [`/${'ö'.repeat(60)}`, 121],
          [`\0${'x'.repeat(108)}`, 109],
        ] as const) {
          await assert.rejects(connect(tooLong), (error) => {
            assert.ok(error instanceof SyscallError);
            const { code, errno, syscall, address } = error;
            assert.deepEqual(
              { code, errno, syscall, address },
              { code: 'ENAMETOOLONG', errno: -36, syscall: 'connect', address: tooLong },
            );
            const most = tooLong.startsWith('\0') ? 108 : 107;
            assert.ok(
              error.message.endsWith(`(${bytes} bytes, and at most ${most} are possible)`),
              error.message,
            );
            return true;
          });
        }
      }));

    test('the descriptor is close-on-exec', () =>
      withFolder(async (path) => {
        const listener = UnixListener.listen(path('s'), { type: 'stream' });
        const client = await connect(path('s'), { type: 'stream' });
        const server = listener.accept(WITHIN_SECONDS);
        const { code, stdout } = await startFixture('open-files.ts').exit;
        assert.equal(code, 0);
        const inherited = JSON.parse(stdout) as string[];
        assert.ok(inherited.length > 3);
        for (const { fd } of [listener, client, server]) {
          const { dev, ino } = fstatSync(fd);
          assert.ok(!inherited.includes(`${dev}:${ino}`), `${fd}`);
        }
        for (const one of [client, server, listener]) one.destroy();
      }));
  });
}

suite('a path without permission', (test) => {
  test('EACCES, with the address', async () => {
    await withFolder(async (path) => {
      mkdirSync(path('closed'));
      const listener = UnixListener.listen(path('closed/s'), { type: 'stream' });
      const { code, stdout, stderr } = await startFixture('connects-unprivileged.ts', {
        args: [path('closed'), path('closed/s')],
      }).exit;
      listener.destroy();
      assert.equal(code, 0, stderr);
      const refused = (syscall: string, address: string) => ({ code: 'EACCES', syscall, address });
      assert.deepEqual(JSON.parse(stdout), {
        connect: refused('connect', path('closed/s')),
        connectAsync: refused('connect', path('closed/s')),
        listen: refused('bind', path('closed/new')),
        bind: refused('bind', path('closed/new')),
      });
    });
  });
});

for (const type of CONNECTED) {
  suite(`a full backlog, ${type}`, (test) => {
    test('connectAsync waits for room without blocking the loop, and then works', () =>
      withFullBacklog(type, async (path, listener) => {
        const connecting = UnixSocket.connectAsync(path, { type });
        let turns = 0;
        const ticks = setInterval(() => turns++, 1);
        while (turns < 20) await delay(1);
        clearInterval(ticks);
        listener.accept(WITHIN_SECONDS).destroy();
        const client = await connecting;
        assert.equal(statusFlags(client.fd) & O_NONBLOCK, 0);
        const server = await listener.acceptAsync();
        client.sendMessage('works', [0]);
        assertMessage(await server.recvMessageAsync(), { data: 'works', files: [0] });
        client.destroy();
        server.destroy();
      }));

    test('connectAsync does not spin', () =>
      withFullBacklog(type, async (path) => {
        const controller = new AbortController();
        const attempts = countCalls('connect');
        const start = performance.now();
        const waits = Array.from({ length: 4 }, () =>
          UnixSocket.connectAsync(path, { type, signal: controller.signal }),
        );
        await delay(500);
        // 1, 2, 4 … 32 ms, and then 50 ms each.
        const most = 4 * (7 + Math.ceil((performance.now() - start) / 50));
        controller.abort();
        const made = attempts();
        for (const one of waits) await assert.rejects(one, { name: 'AbortError' });
        assert.ok(made >= 8 && made <= most, `${made} attempts, and ${most} at most`);
      }));

    test('an aborted wait leaves nothing behind, in the backlog neither', () =>
      withFullBacklog(type, async (path, listener) => {
        const controller = new AbortController();
        const reason = { it: 'is enough' };
        const waits = UnixSocket.connectAsync(path, { type, signal: controller.signal });
        controller.abort(reason);
        await assert.rejects(waits, (error) => error === reason);
        listener.accept(WITHIN_SECONDS).destroy();
        assert.equal(listener.tryAccept(), undefined);
      }));

    test('the time of a blocking connect ends it', () =>
      withFullBacklog(type, (path) => {
        for (const timeout of [0, 1, 30]) {
          assert.throws(() => UnixSocket.connect(path, { type, timeout }), {
            name: 'SyscallError',
            code: 'ETIMEDOUT',
            syscall: 'connect',
            address: path,
            message: `ETIMEDOUT: connection timed out, connect '${path}' (the backlog was full for ${timeout} ms)`,
          });
        }
      }));

    test('a listener that goes while a connection waits is ECONNREFUSED or ENOENT', () =>
      withFullBacklog(type, async (path, listener) => {
        const waits = UnixSocket.connectAsync(path, { type });
        listener.destroy();
        await assert.rejects(waits, { code: 'ENOENT', syscall: 'connect', address: path });
      }));

    test('a blocking connect of a main thread waits in the kernel', () =>
      withFullBacklog(type, async (path, listener) => {
        const child = startFixture('connects.ts', { args: [path, type] });
        assert.equal(await child.line(), 'connecting');
        assert.equal(await untilBlocked(child.pid, child.pid, ['connect']), 'connect');
        listener.accept(WITHIN_SECONDS).destroy();
        const server = listener.accept(WITHIN_SECONDS);
        assertMessage(server.recvMessage(WITHIN_SECONDS), { data: 'connected' });
        server.destroy();
        assert.equal((await child.exit).code, 0);
      }));

    test('a blocking connect of a worker waits, and can be terminated', () =>
      withFullBacklog(type, async (path, listener) => {
        const data = { path, type };
        const [one, other] = [
          await startWorker('connects.worker.ts', data),
          await startWorker('connects.worker.ts', data),
        ];
        for (const thread of [one, other]) {
          assert.equal(await thread.next(), 'connecting');
          await untilBlocked(process.pid, thread.tid);
        }
        await one.worker.terminate();
        listener.accept(WITHIN_SECONDS).destroy();
        const server = await listener.acceptAsync();
        assertMessage(await server.recvMessageAsync(), { data: 'connected' });
        server.destroy();
        assert.equal(await other.exit, 0);
      }));
  });
}

suite('a relative path', (test) => {
  test('connectAsync keeps what it meant when it was called', () =>
    withFolder(async (path) => {
      mkdirSync(path('a'));
      mkdirSync(path('b'));
      const before = process.cwd();
      const listener = UnixListener.listen(path('a/s'), { type: 'stream', backlog: 0 });
      const filling = UnixSocket.connect(path('a/s'), { type: 'stream' });
      process.chdir(path('a'));
      try {
        const connecting = UnixSocket.connectAsync('s', { type: 'stream' });
        process.chdir(path('b'));
        listener.accept(WITHIN_SECONDS).destroy();
        (await connecting).destroy();
        await assert.rejects(UnixSocket.connectAsync('s', { type: 'stream' }), {
          code: 'ENOENT',
          address: path('b/s'),
        });
        assert.throws(() => UnixSocket.connect('s', { type: 'stream' }), { code: 'ENOENT' });
      } finally {
        process.chdir(before);
        filling.destroy();
        listener.destroy();
      }
    }));

  test('it may be short where the whole path would be too long', () =>
    withFolder(async (path) => {
      const deep = path(`${'x'.repeat(60)}/${'y'.repeat(60)}`);
      mkdirSync(deep, { recursive: true });
      const before = process.cwd();
      process.chdir(deep);
      try {
        const listener = UnixListener.listen('s', { type: 'stream' });
        assert.equal(listener.address, 's');
        UnixSocket.connect('./s', { type: 'stream' }).destroy();
        (await UnixSocket.connectAsync('s', { type: 'stream' })).destroy();
        listener.destroy();
        assert.throws(() => UnixSocket.connect('s', { type: 'stream' }), { code: 'ENOENT' });
      } finally {
        process.chdir(before);
      }
    }));
});

suite('many connections', (test) => {
  test('the loop turns although each connection succeeds at once', () =>
    withFolder(async (path) => {
      const listener = UnixListener.listen(path('s'), { type: 'stream' });
      let turned = false;
      setImmediate(() => {
        turned = true;
      });
      for (let i = 0; i < 1000 && !turned; i++) {
        (await UnixSocket.connectAsync(path('s'), { type: 'stream' })).destroy();
        listener.tryAccept()?.destroy();
      }
      listener.destroy();
      assert.ok(turned);
    }));

  test('200 at once through a backlog of 1', () =>
    withFolder(async (path) => {
      const listener = UnixListener.listen(path('s'), { type: 'seqpacket', backlog: 1 });
      const clients = Promise.all(
        Array.from({ length: 200 }, async (_, i) => {
          const client = await UnixSocket.connectAsync(path('s'));
          client.sendMessage(`${i}`);
          client.destroy();
        }),
      );
      const seen = new Set<string>();
      for await (const connection of listener) {
        seen.add(`${(await connection.recvMessageAsync())?.data}`);
        connection.destroy();
        if (seen.size === 200) break;
      }
      await clients;
      listener.destroy();
    }));
});
