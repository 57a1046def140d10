import assert from 'node:assert/strict';
import { SyscallError } from '../../src/errors.ts';
import { SocketAddress } from '../../src/libc/address.ts';
import {
  accept,
  bind,
  connect,
  isConnected,
  isListening,
  listen,
  nameOf,
  peerCredentials,
  queuedBytes,
  setNonblocking,
  setsockopt,
  socket,
} from '../../src/libc/sockets.ts';
import { platforms } from '../abi/golden.ts';
import {
  ADDRESS,
  DARWIN,
  EINTR,
  FREEBSD,
  fails,
  LINUX,
  OPENBSD,
  option,
  type Step,
  scripted,
} from '../support/scripted.ts';
import { suite } from '../support/suite.ts';

const BSDS = [DARWIN, FREEBSD, OPENBSD];
const SYSTEMS = [LINUX, ...BSDS];

const words =
  (...values: number[]) =>
  (memory: DataView): Step => {
    for (const [i, value] of values.entries()) memory.setUint32(4 * i, value, true);
    return 0;
  };

suite('sockets that are made', (test) => {
  for (const { name, abi } of platforms) {
    test(`${name}: close-on-exec, and non-blocking when asked, in as few calls as there may be`, () => {
      const cloexec =
        abi.SOCK_CLOEXEC === 0
          ? [
              ['fcntl', 12, abi.F_GETFD, 0],
              ['fcntl', 12, abi.F_SETFD, 1],
            ]
          : [];
      const blocking = scripted(name, 12, 0, 0);
      assert.equal(socket(blocking.libc, 'stream'), 12);
      assert.deepEqual(blocking.calls, [['socket', 1, 1 + abi.SOCK_CLOEXEC, 0], ...cloexec]);

      const nonblocking = scripted(name, 12, ...cloexec.map(() => 0), 2, 0);
      assert.equal(socket(nonblocking.libc, 'dgram', true), 12);
      const flags =
        abi.SOCK_NONBLOCK === 0
          ? [
              ['fcntl', 12, abi.F_GETFL, 0],
              ['fcntl', 12, abi.F_SETFL, 2 + abi.O_NONBLOCK],
            ]
          : [];
      assert.deepEqual(nonblocking.calls, [
        ['socket', 1, 2 + abi.SOCK_CLOEXEC + abi.SOCK_NONBLOCK, 0],
        ...cloexec,
        ...flags,
      ]);
    });
  }

  test('macOS alone sets both by fcntl', () => {
    const without = platforms.filter(({ abi }) => abi.SOCK_NONBLOCK === 0 || abi.SOCK_CLOEXEC === 0);
    assert.deepEqual(
      without.map(({ name }) => name),
      ['darwin-x64', 'darwin-arm64'],
    );
  });
});

suite('connections that are accepted', (test) => {
  test('by accept4, close-on-exec in the same step, and blocking', () => {
    for (const name of [LINUX, FREEBSD, OPENBSD]) {
      const { libc, abi, calls } = scripted(name, EINTR, 9);
      assert.equal(accept(libc, 5), 9);
      assert.deepEqual(calls, Array(2).fill(['accept4', 5, 0, 0, abi.SOCK_CLOEXEC]));
    }
  });

  test('by accept where there is no accept4, then close-on-exec, then without the flag that it inherited', () => {
    const { libc, abi, calls } = scripted(DARWIN, EINTR, 9, 0, 0, 6, 0);
    assert.equal(accept(libc, 5), 9);
    assert.deepEqual(calls, [
      ['accept', 5, 0, 0],
      ['accept', 5, 0, 0],
      ['fcntl', 9, abi.F_GETFD, 0],
      ['fcntl', 9, abi.F_SETFD, 1],
      ['fcntl', 9, abi.F_GETFL, 0],
      ['fcntl', 9, abi.F_SETFL, 2],
    ]);
  });

  for (const name of SYSTEMS) {
    test(`${name}: none there is undefined, and any other errno is thrown`, () => {
      assert.equal(accept(scripted(name, fails('EAGAIN')).libc, 5), undefined);
      // A peer that is gone before it was accepted.
      assert.equal(accept(scripted(name, fails('ECONNABORTED')).libc, 5), undefined);
      for (const code of ['EMFILE', 'ENFILE', 'EINVAL']) {
        const { libc, calls } = scripted(name, EINTR, fails(code));
        const syscall = name === DARWIN ? 'accept' : 'accept4';
        assert.throws(() => accept(libc, 5), { name: 'SyscallError', code, syscall });
        assert.equal(calls.length, 2);
      }
    });
  }
});

suite('addresses and the kernel', (test) => {
  for (const name of SYSTEMS) {
    test(`${name}: bind and connect get the address and its length, and say it in errors`, () => {
      for (const [syscall, call] of [
        ['bind', bind],
        ['connect', connect],
      ] as const) {
        const { libc, calls, at } = scripted(name, EINTR, 0, fails('EACCES'));
        const to = new SocketAddress(libc, '/path', syscall);
        call(libc, 7, to);
        assert.deepEqual(calls, Array(2).fill([syscall, 7, to.address, to.length]));
        assert.equal(at(to.address).getUint8(to.length - 2), 'h'.charCodeAt(0));
        assert.throws(() => call(libc, 7, to), {
          code: 'EACCES',
          syscall,
          address: '/path',
          message: `EACCES: permission denied, ${syscall} '/path'`,
        });
      }
    });

    test(`${name}: a full backlog is false, where a non-blocking connect would wait`, () => {
      const { libc } = scripted(name, fails('EAGAIN'), 0);
      const to = new SocketAddress(libc, '/path', 'connect');
      assert.deepEqual([connect(libc, 7, to), connect(libc, 7, to)], [false, true]);
    });

    test(`${name}: listen, isListening, isConnected`, () => {
      const { libc, abi, calls } = scripted(name, EINTR, 0, option(1), option(0), 0, fails('ENOTCONN'));
      listen(libc, 5, 511);
      assert.deepEqual([isListening(libc, 5), isListening(libc, 5)], [true, false]);
      assert.deepEqual([isConnected(libc, 5), isConnected(libc, 5)], [true, false]);
      assert.deepEqual(calls.slice(0, 2), Array(2).fill(['listen', 5, 511]));
      assert.deepEqual(calls[2]?.slice(0, 5), ['getsockopt', 5, abi.SOL_SOCKET, abi.SO_ACCEPTCONN, ADDRESS]);
      assert.equal(calls[4]?.[0], 'getpeername');
    });

    test(`${name}: the name that the kernel says`, () => {
      const { libc } = scripted(
        name,
        (memory) => {
          memory.setUint8(libc.layout.sockaddr_un.offset.sun_path, '/'.charCodeAt(0));
          memory.setInt32(memory.byteLength - 4, libc.layout.sockaddr_un.offset.sun_path + 2, true);
          return 0;
        },
        (memory) => {
          memory.setInt32(memory.byteLength - 4, 0, true);
          return 0;
        },
      );
      assert.deepEqual([nameOf(libc, 5), nameOf(libc, 5)], ['/', undefined]);
    });
  }
});

suite('flags and options', (test) => {
  test('O_NONBLOCK is set and taken only where it is not so already, and other flags stay', () => {
    for (const { name, abi } of platforms) {
      const { libc, calls } = scripted(name, 2, 0, 2 + abi.O_NONBLOCK, 2 + abi.O_NONBLOCK, 0, 2);
      setNonblocking(libc, 5, true);
      setNonblocking(libc, 5, true);
      setNonblocking(libc, 5, false);
      setNonblocking(libc, 5, false);
      const get = ['fcntl', 5, abi.F_GETFL, 0];
      assert.deepEqual(calls, [
        ...[get, ['fcntl', 5, abi.F_SETFL, 2 + abi.O_NONBLOCK]],
        get,
        ...[get, ['fcntl', 5, abi.F_SETFL, 2]],
        get,
      ]);
    }
  });

  test('an option is an int', () => {
    const values: number[] = [];
    const { libc, calls } = scripted(LINUX, (memory) => {
      values.push(memory.getInt32(0, true));
      return 0;
    });
    setsockopt(libc, 5, 1, 83, 7);
    assert.deepEqual(values, [7]);
    assert.deepEqual(calls, [['setsockopt', 5, 1, 83, ADDRESS, 4]]);
  });

  test("queued bytes are asked for by the platform's own number", () => {
    for (const { name, abi } of platforms) {
      const { libc, calls } = scripted(name, option(4711));
      assert.equal(queuedBytes(libc, 5), 4711);
      assert.deepEqual(calls, [['ioctl', 5, abi.FIONREAD, ADDRESS]]);
    }
  });
});

suite('who is at the other end', (test) => {
  for (const { name, abi } of platforms.filter(({ abi }) => abi.SO_PEERCRED !== 0)) {
    test(`${name}: SO_PEERCRED`, () => {
      const sizes: number[] = [];
      const openbsd = name.startsWith('openbsd');
      const { libc, calls } = scripted(name, EINTR, (memory) => {
        sizes.push(memory.getInt32((calls[0]?.at(-1) as number) - ADDRESS, true));
        return openbsd ? words(1000, 2 ** 32 - 2, 42) : words(42, 1000, 2 ** 32 - 2);
      });
      assert.deepEqual(peerCredentials(libc, 5), { pid: 42, uid: 1000, gid: 2 ** 32 - 2 });
      assert.deepEqual(sizes, [12]);
      assert.deepEqual(calls[0]?.slice(0, 5), ['getsockopt', 5, abi.SOL_SOCKET, abi.SO_PEERCRED, ADDRESS]);
    });
  }

  test('the option has another number on ppc64', () => {
    const numbers = platforms.filter(({ host }) => host.arch === 'ppc64').map(({ abi }) => abi.SO_PEERCRED);
    assert.deepEqual(numbers, [21, 21]);
  });

  test('FreeBSD: getpeereid, which tells no process', () => {
    const { libc, calls } = scripted(FREEBSD, EINTR, words(1000, 100));
    assert.deepEqual(peerCredentials(libc, 5), { uid: 1000, gid: 100 });
    assert.deepEqual(calls, Array(2).fill(['getpeereid', 5, ADDRESS, ADDRESS + 4]));
  });

  test('macOS: getpeereid, and LOCAL_PEERPID of level 0', () => {
    const { libc, calls } = scripted(DARWIN, words(501, 20), EINTR, option(4242));
    assert.deepEqual(peerCredentials(libc, 5), { pid: 4242, uid: 501, gid: 20 });
    assert.deepEqual(calls[0], ['getpeereid', 5, ADDRESS, ADDRESS + 4]);
    assert.deepEqual(calls[2]?.slice(0, 5), ['getsockopt', 5, 0, 2, ADDRESS]);
  });

  for (const [name, ...steps] of [
    // Linux answers of a socket that was never connected, and the others refuse.
    [LINUX, words(0, 2 ** 32 - 1, 2 ** 32 - 1)],
    [OPENBSD, fails('ENOTCONN')],
    [FREEBSD, fails('ENOTCONN')],
    [DARWIN, fails('ENOTCONN')],
  ] as const) {
    test(`${name}: nobody is ENOTCONN`, () => {
      assert.throws(
        () => peerCredentials(scripted(name, ...steps).libc, 5),
        (error) => {
          assert.ok(error instanceof SyscallError);
          assert.equal(error.code, 'ENOTCONN');
          return true;
        },
      );
    });
  }
});
