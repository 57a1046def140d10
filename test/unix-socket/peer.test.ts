import assert from 'node:assert/strict';
import { chmodSync, readFileSync } from 'node:fs';
import { closeFD, UnixListener, type UnixSocket, UnsupportedPlatformError } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { NOBODY } from '../support/other-user.ts';
import { startFixture, startProcess } from '../support/processes.ts';
import { assertMessage, CONNECTED, withFolder, withPair } from '../support/sockets.ts';
import { skip, suite } from '../support/suite.ts';

/** The pid that a pidfd is of, from /proc. */
function pidOf(pidfd: number): number {
  return Number(/^Pid:\s+(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'utf8'))?.[1]);
}

for (const type of CONNECTED as readonly ('seqpacket' | 'stream')[]) {
  suite(`the process at the other end, ${type}`, (test) => {
    test("credentials are the peer's at the time of connect, whatever it becomes later", () =>
      withFolder(async (path) => {
        const listener = UnixListener.listen(path('s'), { type, mode: 0o666 });
        const child = startFixture('connects-and-changes.ts', { args: [path('s'), type] });
        const server = await listener.acceptAsync();
        assertMessage(await server.recvMessageAsync(), { data: 'changed' });
        const uid = process.getuid?.() as number;
        assert.deepEqual(server.peerCredentials(), { pid: child.pid, uid, gid: process.getgid?.() });
        const pidfd = pidFdOf(server);
        assert.equal(pidOf(pidfd), child.pid);
        assert.equal(libc().raw.fcntl(pidfd, libc().abi.F_GETFD, 0), 1, 'it is close-on-exec');
        const { POLLIN } = libc().abi;
        assert.equal(libc().poll(pidfd, POLLIN, 0), 0, 'the process lives');
        child.stdin.end();
        await child.exit;
        assert.equal(libc().poll(pidfd, POLLIN, 0) & POLLIN, POLLIN, 'the process has ended');
        assert.equal(server.peerCredentials().pid, child.pid, 'and is still named');
        closeFD(pidfd);
        server.destroy();
        listener.destroy();
      }));

    test("a process of another user is told apart, and both ends know the other's", () =>
      withFolder(async (path) => {
        if (process.getuid?.() !== 0) skip('only root starts processes of another user');
        const listener = UnixListener.listen(path('s'), { type, mode: 0o666 });
        chmodSync(path(''), 0o755);
        const child = startProcess(
          'python3',
          [
            '-c',
            `import os, socket, struct, sys
os.chdir(sys.argv[1])
os.setgid(${NOBODY}); os.setuid(${NOBODY})
s = socket.socket(socket.AF_UNIX, ${type === 'stream' ? 'socket.SOCK_STREAM' : 'socket.SOCK_SEQPACKET'})
s.connect('s')
print(*struct.unpack('iII', s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)), flush=True)
sys.stdin.read()`,
            path(''),
          ],
          { uid: 0 },
        );
        const line = child.line().catch((error: unknown) => error);
        const server = await listener.acceptAsync();
        assert.deepEqual(server.peerCredentials(), { pid: child.pid, uid: NOBODY, gid: NOBODY });
        assert.equal(await line, `${process.pid} 0 0`);
        child.stdin.end();
        await child.exit;
        server.destroy();
        listener.destroy();
      }));

    test('its pidfd when it is gone: one of that process, or ESRCH, and never of another', () =>
      withFolder(async (path) => {
        const listener = UnixListener.listen(path('s'), { type });
        const child = startFixture('connects.ts', { args: [path('s'), type] });
        const server = await listener.acceptAsync();
        assert.equal((await child.exit).code, 0);
        try {
          const pidfd = pidFdOf(server);
          assert.ok([-1, child.pid].includes(pidOf(pidfd)));
          closeFD(pidfd);
        } catch (error) {
          assert.match((error as NodeJS.ErrnoException).code ?? '', /^(ESRCH|EINVAL)$/, `${error}`);
        }
        server.destroy();
        listener.destroy();
      }));
  });
}

function pidFdOf(socket: UnixSocket): number {
  try {
    return socket.peerPidFD();
  } catch (error) {
    if (error instanceof UnsupportedPlatformError) skip(error.message);
    throw error;
  }
}

suite('a kernel that lacks an option', (test) => {
  const cases = [
    ['refuseDescriptors', 'SO_PASSRIGHTS', 'setsockopt', 'Linux 6.16'],
    ['peerPidFD', 'SO_PEERPIDFD', 'getsockopt', 'Linux 6.5'],
  ] as const;
  for (const [method, option, call, version] of cases) {
    /** Runs the body while the kernel answers for the option. */
    const withAnswer = (errno: string, body: () => void): void => {
      const { raw, abi } = libc();
      const { errno: real } = raw;
      const original = raw[call] as (...args: number[]) => number;
      let refused = false;
      Object.assign(raw, {
        [call]: (...args: number[]) => {
          refused = args[2] === abi[option];
          return refused ? -1 : original(...args);
        },
        errno: () => (refused ? raw.errnos[errno] : real()),
      });
      try {
        body();
      } finally {
        Object.assign(raw, { [call]: original, errno: real });
      }
    };

    test(`${method}: ENOPROTOOPT is a coded error that says what is missing`, () =>
      withPair('stream', (a, b) => {
        withAnswer('ENOPROTOOPT', () => {
          assert.throws(() => a[method](), {
            name: 'UnsupportedPlatformError',
            code: 'ERR_FDCHANNEL_UNSUPPORTED_PLATFORM',
            message: `${method} needs ${version} (${option})`,
          });
        });
        a.sendMessage('works on', [0]);
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'works on', files: [0] });
      }));

    test(`${method}: any other errno stays what it is`, () =>
      withPair('stream', (a) => {
        withAnswer('EINVAL', () =>
          assert.throws(() => a[method](), { name: 'SyscallError', code: 'EINVAL', syscall: call }),
        );
      }));
  }
});
