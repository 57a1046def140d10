import assert from 'node:assert/strict';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { type SocketType, SyscallError, UnixListener, UnixSocket } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { isOpen, openDescriptors } from '../support/descriptors.ts';
import { startFixture } from '../support/processes.ts';
import { assertMessage, CONNECTED, withFolder } from '../support/sockets.ts';
import { skip, suite } from '../support/suite.ts';

/** The two classes that bind a name, by one shape. */
const binders = {
  'UnixListener.listen': (address: string, options: object = {}) => UnixListener.listen(address, options),
  'UnixSocket.bind': (address: string, options: object = {}) =>
    UnixSocket.bind(address, { type: 'dgram', ...options }),
};

const mode = (path: string): number => lstatSync(path).mode & 0o777;

/** Runs the body with another umask. */
function withUmask<T>(mask: number, body: () => T): T {
  const before = process.umask(mask);
  try {
    return body();
  } finally {
    process.umask(before);
  }
}

/** Runs the body while fchmod(2) refuses sockets, as the BSDs' does. */
function withoutFchmod<T>(body: () => T): T {
  const { raw } = libc();
  const { fchmod, errno } = raw;
  let refused = false;
  Object.assign(raw, {
    fchmod: () => {
      refused = true;
      return -1;
    },
    errno: () => {
      // It is read right behind the call.
      const now = refused ? raw.errnos['EINVAL'] : errno();
      refused = false;
      return now;
    },
  });
  try {
    return body();
  } finally {
    Object.assign(raw, { fchmod, errno });
  }
}

const houses: readonly [how: string, run: <T>(body: () => T) => T][] = [
  ['', (body) => body()],
  [', where fchmod refuses sockets', withoutFchmod],
];

for (const [binder, bind] of Object.entries(binders)) {
  for (const [how, within] of houses) {
    suite(`${binder}: its file${how}`, (test) => {
      for (const mask of [0, 0o022, 0o077, 0o777]) {
        test(`is its owner's alone, whatever the umask (${mask.toString(8)})`, () =>
          withFolder((path) => {
            const socket = withUmask(mask, () => within(() => bind(path('s'))));
            assert.equal(mode(path('s')), 0o600);
            socket.destroy();
          }));

        for (const wanted of [0, 0o600, 0o660, 0o666, 0o777, 0o644]) {
          test(`has mode ${wanted.toString(8)} when asked, whatever the umask (${mask.toString(8)})`, () =>
            withFolder((path) => {
              const socket = withUmask(mask, () => within(() => bind(path('s'), { mode: wanted })));
              assert.equal(mode(path('s')), wanted);
              socket.destroy();
              assert.deepEqual(readdirSync(path('')), []);
            }));
        }
      }

      test('destroy removes it, once', () =>
        withFolder((path) => {
          const socket = within(() => bind(path('s')));
          assert.ok(lstatSync(path('s')).isSocket());
          socket.destroy();
          assert.deepEqual(readdirSync(path('')), []);
          const next = within(() => bind(path('s')));
          socket.destroy();
          socket[Symbol.dispose]();
          assert.ok(lstatSync(path('s')).isSocket(), "another's file at the same path");
          next[Symbol.dispose]();
          assert.deepEqual(readdirSync(path('')), []);
        }));

      for (const [what, replace] of [
        ['a file', (path: string) => writeFileSync(path, 'precious')],
        ['a folder', (path: string) => mkdirSync(path)],
        ['a link to nowhere', (path: string) => symlinkSync('/nowhere', path)],
      ] as const) {
        test(`destroy leaves ${what} that has its path now`, () =>
          withFolder((path) => {
            const socket = within(() => bind(path('s')));
            const moved = path('moved');
            renameSync(path('s'), moved);
            replace(path('s'));
            socket.destroy();
            assert.deepEqual(readdirSync(path('')).sort(), ['moved', 's']);
          }));
      }

      test('destroy does not mind that it is gone already, with its folder', () =>
        withFolder((path) => {
          mkdirSync(path('f'));
          const socket = within(() => bind(path('f/s')));
          rmSync(path('f'), { recursive: true });
          socket.destroy();
        }));

      test('detach leaves it', () =>
        withFolder((path) => {
          const socket = within(() => bind(path('s')));
          const fd = socket.detach();
          socket.destroy();
          assert.ok(lstatSync(path('s')).isSocket() && isOpen(fd));
          const adopted = binder === 'UnixSocket.bind' ? new UnixSocket(fd) : new UnixListener(fd);
          adopted.destroy();
          assert.ok(lstatSync(path('s')).isSocket(), 'who adopts the socket has not made the file');
        }));

      test('a path that is taken is EADDRINUSE, whatever has it, and stays', () =>
        withFolder((path) => {
          const live = bind(path('live'));
          linkSync(path('live'), path('stale'));
          const gone = bind(path('gone'));
          linkSync(path('gone'), path('stale2'));
          gone.destroy();
          writeFileSync(path('file'), 'precious');
          mkdirSync(path('folder'));
          symlinkSync(path('nowhere'), path('link'));
          const before = readdirSync(path(''));
          const open = openDescriptors().size;
          for (const name of ['live', 'stale2', 'file', 'folder', 'link']) {
            assert.throws(
              () => within(() => bind(path(name))),
              (error) => {
                assert.ok(error instanceof SyscallError, `${name}: ${error}`);
                const { code, errno, syscall, address } = error;
                assert.deepEqual(
                  { code, errno, syscall, address },
                  { code: 'EADDRINUSE', errno: -98, syscall: 'bind', address: path(name) },
                );
                return true;
              },
            );
          }
          assert.deepEqual(readdirSync(path('')), before);
          assert.equal(openDescriptors().size, open, 'no descriptor is left');
          live.destroy();
        }));

      test('replace takes the place of a socket that nobody listens on, and of nothing else', () =>
        withFolder((path) => {
          const live = bind(path('live'));
          const stream = UnixListener.listen(path('stream'), { type: 'stream' });
          const full = UnixListener.listen(path('full'), { type: 'stream', backlog: 0 });
          const filling = UnixSocket.connect(path('full'), { type: 'stream' });
          const gone = bind(path('gone'));
          linkSync(path('gone'), path('stale'));
          gone.destroy();
          writeFileSync(path('file'), 'precious');
          mkdirSync(path('folder'));
          symlinkSync(path('stale'), path('link'));
          for (const name of ['live', 'stream', 'full', 'file', 'folder', 'link']) {
            assert.throws(
              () => within(() => bind(path(name), { replace: true })),
              { code: 'EADDRINUSE', address: path(name) },
              name,
            );
            assert.ok(lstatSync(path(name)));
          }
          const replacing = within(() => bind(path('stale'), { replace: true, mode: 0o640 }));
          assert.equal(mode(path('stale')), 0o640);
          const fresh = within(() => bind(path('fresh'), { replace: true }));
          for (const one of [live, stream, full, filling, replacing, fresh]) one.destroy();
          assert.deepEqual(readdirSync(path('')).sort(), ['file', 'folder', 'link']);
        }));

      test('a folder that is missing, or no folder: ENOENT, ENOTDIR', () =>
        withFolder((path) => {
          writeFileSync(path('file'), '');
          const open = openDescriptors().size;
          for (const [address, code] of [
            [path('missing/s'), 'ENOENT'],
            [path('file/s'), 'ENOTDIR'],
          ] as const) {
            assert.throws(() => within(() => bind(address)), { code }, address);
          }
          assert.equal(openDescriptors().size, open);
        }));
    });
  }

  suite(`${binder}: addresses`, (test) => {
    test('a path of 107 bytes works, and one of 108 is refused before the kernel is asked', () =>
      withFolder((path) => {
        const longest = path('x'.repeat(107 - path('').length - 1));
        bind(longest).destroy();
        for (const tooLong of [`${longest}x`, `\0${'x'.repeat(108)}`]) {
          assert.throws(() => bind(tooLong), {
            name: 'SyscallError',
            code: 'ENAMETOOLONG',
            syscall: 'bind',
            address: tooLong,
          });
        }
        // UTF-8 counts its bytes.
        const wide = path('ö'.repeat(40));
        assert.throws(() => bind(path('ö'.repeat(50))), {
          code: 'ENAMETOOLONG',
          message: /\(\d+ bytes, and at most 107 are possible\)$/,
        });
        bind(wide).destroy();
      }));

    test('UTF-8, spaces, and what looks like an option', () =>
      withFolder((path) => {
        for (const name of ['größe', '𝄞 with spaces', '-rf', '"quoted"', 'a\nb', '\u0001']) {
          const socket = bind(path(name));
          assert.deepEqual(readdirSync(path('')), [name]);
          socket.destroy();
        }
      }));

    test('abstract names make no file, are as long as they are, and free when they are destroyed', () => {
      const names = [
        '\0fdchannel a',
        '\0fdchannel a\0',
        '\0fdchannel\0a',
        `\0${'x'.repeat(107)}`,
        '\0fdchannel ö',
      ];
      const sockets = names.map((name) => bind(name));
      for (const name of names) assert.throws(() => bind(name), { code: 'EADDRINUSE', address: name });
      for (const name of names)
        assert.throws(() => bind(name, { replace: true }), { code: 'EADDRINUSE', address: name });
      for (const socket of sockets) socket.destroy();
      for (const name of names) bind(name).destroy();
    });

    test('a file system without room for new files: EROFS, with the address', async () => {
      await withFolder(async (path) => {
        const { code, stdout, stderr } = await startFixture('binds-read-only.ts', {
          args: [path('')],
          prefix: [
            'unshare',
            '--mount',
            'sh',
            '-c',
            'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
            path(''),
          ],
        }).exit;
        if (code === 1 && /unshare|mount/.test(stderr)) skip(`no read-only mount here: ${stderr.trim()}`);
        assert.equal(code, 0, stderr);
        const refused = { code: 'EROFS', syscall: 'bind', address: path('s') };
        assert.deepEqual(JSON.parse(stdout), [refused, refused]);
      });
    });

    test('a relative path stays where it was made when the process changes its folder', () =>
      withFolder((path) => {
        const before = process.cwd();
        mkdirSync(path('a'));
        mkdirSync(path('b'));
        try {
          process.chdir(path('a'));
          const socket = bind('./s');
          process.chdir(path('b'));
          const other = bind('s');
          socket.destroy();
          assert.deepEqual([readdirSync(path('a')), readdirSync(path('b'))], [[], ['s']]);
          other.destroy();
          assert.deepEqual(readdirSync(path('b')), []);
        } finally {
          process.chdir(before);
        }
      }));
  });
}

suite('the first moment of a private path', (test) => {
  for (const [how, within] of houses) {
    test(`at no time may anybody connect whom the mode leaves out${how}`, () =>
      withFolder((path) => {
        const { raw } = libc();
        const { bind } = raw;
        const seen: string[] = [];
        Object.assign(raw, {
          bind: (...args: [number, number, number]) => {
            const result = bind(...args);
            for (const name of readdirSync(path(''), { recursive: true, encoding: 'utf8' })) {
              const folder = name.includes('/')
                ? statSync(path(name.slice(0, name.indexOf('/')))).mode & 0o077
                : 0o077;
              if (lstatSync(path(name)).isSocket())
                seen.push((mode(path(name)) & 0o077 & folder).toString(8));
            }
            return result;
          },
        });
        try {
          withUmask(0, () => within(() => UnixListener.listen(path('s')))).destroy();
        } finally {
          Object.assign(raw, { bind });
        }
        assert.deepEqual(seen, ['0'], 'right behind bind(2), group and others have nothing');
      }));
  }
});

for (const type of CONNECTED) {
  suite(`a listener, ${type}`, (test) => {
    for (const name of ['path', '\0fdchannel listener', `\0${'y'.repeat(107)}`]) {
      test(`its address is what it was given: ${JSON.stringify(name.slice(0, 20))}`, () =>
        withFolder(async (path) => {
          const address = name === 'path' ? path('s') : name;
          const listener = UnixListener.listen(address, { type: type as 'stream' });
          assert.equal(listener.address, address);
          assert.equal(listener.type, type);
          const client = await UnixSocket.connectAsync(address, { type });
          const server = listener.accept(WITHIN_SECONDS);
          client.sendMessage('x', [0]);
          assertMessage(server.recvMessage(WITHIN_SECONDS), { data: 'x', files: [0] });
          const adopted = new UnixListener(listener.detach());
          assert.equal(adopted.address, address, 'the kernel says so, too');
          for (const one of [client, server, adopted]) one.destroy();
        }));
    }

    test('it is adopted by number', () =>
      withFolder(async (path) => {
        const listener = UnixListener.listen(path('s'), { type: type as SocketType as 'stream' });
        const adopted = new UnixListener(listener.detach());
        const client = UnixSocket.connect(path('s'), { type });
        (await adopted.acceptAsync()).destroy();
        client.destroy();
        adopted.destroy();
        unlinkSync(path('s'));
      }));
  });
}

suite('a folder of another mode', (test) => {
  test('a sticky folder of everybody takes a private socket', () =>
    withFolder((path) => {
      chmodSync(path(''), 0o1777);
      const listener = UnixListener.listen(path('s'));
      assert.equal(mode(path('s')), 0o600);
      listener.destroy();
    }));
});
