import assert from 'node:assert/strict';
import koffi from 'koffi';
import type { Abi, SocketType } from '../../src/abi/abi.ts';
import { SyscallError } from '../../src/errors.ts';
import type { Binding } from '../../src/libc/binding.ts';
import { Libc, WOULD_BLOCK } from '../../src/libc/calls.ts';
import { epollControl, epollCreate, epollReady, pollReady, redirect } from '../../src/libc/polls.ts';
import { isConnected, shutdown, socketpair, socketType } from '../../src/libc/sockets.ts';
import { platforms } from '../abi/golden.ts';
import { suite } from '../support/suite.ts';

const { errno: errnos } = koffi.os;
const ADDRESS = 4096;

/** What a call of C does: its result, or an errno behind a result of -1. */
type Step = number | { readonly errno: number } | ((memory: DataView) => Step);

const fails = (name: string): Step => ({ errno: errnos[name] as number });
const EINTR = fails('EINTR');

interface Scripted {
  readonly libc: Libc;
  readonly abi: Abi;
  /** Every call of C that was made: name and arguments. */
  readonly calls: (readonly [name: string, ...args: number[]])[];
}

/** libc of a platform, whose C does what the steps say, call by call. */
function scripted(name: string, ...steps: Step[]): Scripted {
  const { abi, layout } = platforms.find((platform) => platform.name === name) ?? assert.fail(name);
  const calls: Scripted['calls'] = [];
  let memory: DataView = new DataView(new ArrayBuffer(0));
  let errno = 0;

  const c =
    (called: string) =>
    (...args: number[]): number => {
      calls.push([called, ...args]);
      let step = steps.shift() ?? assert.fail(`a call too many: ${called}(${args.join(', ')})`);
      while (typeof step === 'function') step = step(memory);
      if (typeof step === 'number') return step;
      errno = step.errno;
      return -1;
    };
  const binding: Binding = {
    socketpair: c('socketpair'),
    sendmsg: c('sendmsg'),
    recvmsg: c('recvmsg'),
    shutdown: c('shutdown'),
    close: c('close'),
    poll: c('poll'),
    getsockopt: c('getsockopt'),
    getsockname: c('getsockname'),
    getpeername: c('getpeername'),
    fcntl: c('fcntl'),
    dup2: c('dup2'),
    ...(abi.dup3 && { dup3: c('dup3') }),
    ...(abi.epoll_event && {
      epoll_create1: c('epoll_create1'),
      epoll_ctl: c('epoll_ctl'),
      epoll_wait: c('epoll_wait'),
    }),
    // errno is only true right after the call: reading it a second time tells nothing.
    errno: () => {
      const read = errno;
      errno = 0;
      return read;
    },
    strerror: (number) => `text of ${number}`,
    errnos,
    address: (buffer) => {
      memory = new DataView(buffer instanceof Uint8Array ? buffer.buffer : buffer);
      return ADDRESS;
    },
    abi,
    layout,
  };
  return { libc: new Libc(binding), abi, calls };
}

const LINUX = 'linux-glibc-x64';
const DARWIN = 'darwin-arm64';

const pair = (memory: DataView): Step => {
  memory.setInt32(0, 10, true);
  memory.setInt32(4, 11, true);
  return 0;
};
const sees = (revents: number) => (memory: DataView) => {
  memory.setInt16(6, revents, true);
  return 1;
};
const option = (value: number) => (memory: DataView) => {
  memory.setInt32(0, value, true);
  return 0;
};
/** On Linux; elsewhere the family lies in the second byte, behind a length. */
const family = (value: number) => (memory: DataView) => {
  memory.setUint16(0, value, true);
  return 0;
};

interface Case {
  readonly syscall: string;
  readonly platform?: string;
  readonly call: (libc: Libc) => unknown;
  /** What C does before the call in question. */
  readonly before?: Step[];
  readonly succeeds?: Step;
  readonly after?: Step[];
  readonly returns: unknown;
}

const cases: readonly Case[] = [
  { syscall: 'socketpair', call: (c) => socketpair(c, 'stream'), succeeds: pair, returns: [10, 11] },
  { syscall: 'sendmsg', call: (c) => c.sendmsg(5, 64, 0), succeeds: 3, returns: 3 },
  { syscall: 'recvmsg', call: (c) => c.recvmsg(5, 64, 0), succeeds: 3, returns: 3 },
  { syscall: 'shutdown', call: (c) => shutdown(c, 5), returns: undefined },
  { syscall: 'poll', call: (c) => c.poll(5, 1, -1), succeeds: sees(17), returns: 17 },
  {
    syscall: 'getsockopt',
    call: (c) => socketType(c, 5),
    succeeds: option(5),
    after: [family(1)],
    returns: 'seqpacket',
  },
  {
    syscall: 'getsockname',
    call: (c) => socketType(c, 5),
    before: [option(1)],
    succeeds: family(1),
    returns: 'stream',
  },
  { syscall: 'getpeername', call: (c) => isConnected(c, 5), returns: true },
  { syscall: 'fcntl', call: (c) => c.duplicate(5), succeeds: 12, returns: 12 },
  { syscall: 'fcntl', call: (c) => c.setCloseOnExec(5), after: [0], returns: undefined },
  { syscall: 'fcntl', call: (c) => c.setCloseOnExec(5), before: [0], returns: undefined },
  { syscall: 'epoll_create1', call: (c) => epollCreate(c), succeeds: 12, returns: 12 },
  { syscall: 'epoll_ctl', call: (c) => epollControl(c, 6, 1, 5, 64), returns: undefined },
  { syscall: 'epoll_wait', call: (c) => epollReady(c, 6, 64, 10), succeeds: 3, returns: 3 },
  { syscall: 'poll', call: (c) => pollReady(c, 64, 10), succeeds: 3, returns: 3 },
  { syscall: 'dup3', call: (c) => redirect(c, 6, 5), succeeds: 6, returns: undefined },
  {
    syscall: 'dup2',
    platform: DARWIN,
    call: (c) => redirect(c, 6, 5),
    succeeds: 6,
    after: [0, 0],
    returns: undefined,
  },
];

function thrownBy(call: () => unknown): SyscallError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof SyscallError, `${error}`);
    return error;
  }
  assert.fail('nothing was thrown');
}

const shape = ({ name, code, errno, syscall, message }: SyscallError) => ({
  name,
  code,
  errno,
  syscall,
  message,
});

suite('the calls of libc', (test) => {
  for (const [index, one] of cases.entries()) {
    const { syscall, platform = LINUX, call, before = [], succeeds = 0, after = [], returns } = one;
    const title = `${syscall} (${index + 1} of ${cases.length})`;

    test(`${title}: an interruption is retried with the same arguments`, () => {
      const { libc, calls } = scripted(platform, ...before, EINTR, EINTR, EINTR, succeeds, ...after);
      assert.deepEqual(call(libc), returns);
      const [first, ...others] = calls.slice(before.length, before.length + 4);
      assert.equal(first?.[0], syscall);
      assert.deepEqual(others, [first, first, first]);
      assert.equal(calls.length, before.length + 4 + after.length);
    });

    test(`${title}: any other errno is thrown at once`, () => {
      const { libc, calls } = scripted(platform, ...before, EINTR, fails('EINVAL'));
      assert.deepEqual(shape(thrownBy(() => call(libc))), {
        name: 'SyscallError',
        code: 'EINVAL',
        errno: -(errnos['EINVAL'] as number),
        syscall,
        message: `EINVAL: invalid argument, ${syscall}`,
      });
      assert.equal(calls.length, before.length + 2);
    });
  }

  for (const call of ['sendmsg', 'recvmsg'] as const) {
    test(`${call}: where it would block it says so, without an exception`, () => {
      const { libc } = scripted(LINUX, fails('EAGAIN'), EINTR, fails('EAGAIN'), 0);
      assert.equal(libc[call](5, 64, 0), WOULD_BLOCK);
      assert.equal(libc[call](5, 64, 0), WOULD_BLOCK);
      assert.equal(libc[call](5, 64, 0), 0);
    });
  }

  test('elsewhere EAGAIN is an error as any other', () => {
    const { libc } = scripted(LINUX, fails('EAGAIN'));
    assert.equal(thrownBy(() => socketpair(libc, 'stream')).code, 'EAGAIN');
  });

  test('close is called once, even when it was interrupted', () => {
    const { libc, calls } = scripted(LINUX, EINTR);
    libc.close(5);
    assert.deepEqual(calls, [['close', 5]]);
  });

  test('close throws any other errno', () => {
    const { libc, calls } = scripted(LINUX, fails('EIO'));
    assert.equal(thrownBy(() => libc.close(5)).message, 'EIO: i/o error, close');
    assert.equal(calls.length, 1);
  });

  test('what is discarded is closed once, and no error comes of it', () => {
    for (const name of ['EINTR', 'EIO', 'EBADF']) {
      const { libc, calls } = scripted(LINUX, fails(name));
      libc.discard(5);
      assert.deepEqual(calls, [['close', 5]]);
    }
  });

  test('a kernel is asked once whether it receives without an iovec', () => {
    for (const [answer, expected] of [
      [fails('EBADF'), true],
      // qemu-user's, which has looked at nothing.
      [0, false],
    ] as const) {
      const { libc, calls } = scripted(LINUX, answer);
      assert.deepEqual([libc.receivesWithoutIovec, libc.receivesWithoutIovec], [expected, expected]);
      assert.deepEqual(calls, [['recvmsg', -1, ADDRESS, 0]]);
    }
  });

  test('what is asked of an epoll instance and of an array is asked without waiting', () => {
    const { libc, abi, calls } = scripted(LINUX, 12, 0, 0, 0);
    epollCreate(libc);
    epollControl(libc, 12, abi.EPOLL_CTL_MOD, 5, 64);
    epollReady(libc, 12, 64, 10);
    pollReady(libc, 64, 10);
    assert.deepEqual(calls, [
      ['epoll_create1', abi.O_CLOEXEC],
      ['epoll_ctl', 12, 3, 5, 64],
      ['epoll_wait', 12, 64, 10, 0],
      ['poll', 64, 10, 0],
    ]);
  });

  test('shutdown of a socket whose peer is gone is done already', () => {
    const { libc, calls } = scripted(LINUX, fails('ENOTCONN'));
    shutdown(libc, 5);
    assert.deepEqual(calls, [['shutdown', 5, 2]]);
  });
});

suite('the flags of libc', (test) => {
  for (const { name, abi } of platforms) {
    test(`${name}: no signal for a sender, close-on-exec for a receiver`, () => {
      const { libc, calls } = scripted(name, 0, 0, 0, 0);
      libc.sendmsg(5, 64, 0);
      libc.sendmsg(5, 64, abi.MSG_DONTWAIT);
      libc.recvmsg(5, 64, 0);
      libc.recvmsg(5, 64, abi.MSG_DONTWAIT);
      assert.deepEqual(calls, [
        ['sendmsg', 5, 64, abi.MSG_NOSIGNAL],
        ['sendmsg', 5, 64, abi.MSG_NOSIGNAL + abi.MSG_DONTWAIT],
        ['recvmsg', 5, 64, abi.MSG_CMSG_CLOEXEC],
        ['recvmsg', 5, 64, abi.MSG_CMSG_CLOEXEC + abi.MSG_DONTWAIT],
      ]);
    });
  }

  const types: readonly [SocketType, number][] = [
    ['stream', 1],
    ['dgram', 2],
    ['seqpacket', 5],
  ];
  for (const [type, number] of types) {
    test(`a pair of type ${type} is close-on-exec from its beginning`, () => {
      const { libc, abi, calls } = scripted(LINUX, pair);
      assert.deepEqual(socketpair(libc, type), [10, 11]);
      assert.deepEqual(calls, [['socketpair', 1, number + abi.SOCK_CLOEXEC, 0, ADDRESS]]);
    });
  }

  test('where the kernel has no SOCK_CLOEXEC, a pair becomes close-on-exec', () => {
    const { libc, abi, calls } = scripted(DARWIN, pair, 0, 0, 4, 0);
    assert.deepEqual(socketpair(libc, 'stream'), [10, 11]);
    assert.deepEqual(calls, [
      ['socketpair', 1, 1, 0, ADDRESS],
      ['fcntl', 10, abi.F_GETFD, 0],
      ['fcntl', 10, abi.F_SETFD, 1],
      ['fcntl', 11, abi.F_GETFD, 0],
      ['fcntl', 11, abi.F_SETFD, 5],
    ]);
  });

  test('a number is redirected by dup3, close-on-exec in the same step', () => {
    const { libc, abi, calls } = scripted(LINUX, 6);
    redirect(libc, 6, 5);
    assert.deepEqual(calls, [['dup3', 5, 6, abi.O_CLOEXEC]]);
  });

  test('where libc has no dup3, a number is redirected by dup2 and becomes close-on-exec', () => {
    const { libc, abi, calls } = scripted(DARWIN, 6, 0, 0);
    redirect(libc, 6, 5);
    assert.deepEqual(calls, [
      ['dup2', 5, 6],
      ['fcntl', 6, abi.F_GETFD, 0],
      ['fcntl', 6, abi.F_SETFD, 1],
    ]);
  });

  test('a duplicate is close-on-exec, and no number is asked for', () => {
    const { libc, abi, calls } = scripted(LINUX, 12);
    assert.equal(libc.duplicate(5), 12);
    assert.deepEqual(calls, [['fcntl', 5, abi.F_DUPFD_CLOEXEC, 0]]);
  });
});

suite('poll', (test) => {
  /** Runs `body` with a clock that only the steps of a script move. */
  function withClock(body: (advance: (ms: number, step: Step) => Step) => void): void {
    let now = 1000.25;
    Object.defineProperty(performance, 'now', { value: () => now, configurable: true });
    try {
      body((ms, step) => () => {
        now += ms;
        return step;
      });
    } finally {
      Reflect.deleteProperty(performance, 'now');
    }
  }
  const timeouts = (calls: Scripted['calls']) => calls.map((call) => call.at(-1));

  test('an interruption does not prolong it', () => {
    withClock((advance) => {
      const { libc, calls } = scripted(LINUX, advance(30.5, EINTR), advance(69, EINTR), advance(5, EINTR), 0);
      assert.equal(libc.poll(5, 1, 100), 0);
      assert.deepEqual(timeouts(calls), [100, 70, 1, 0]);
    });
  });

  test('without end it stays without end, and a look stays a look', () => {
    withClock((advance) => {
      for (const timeout of [-1, 0]) {
        const { libc, calls } = scripted(LINUX, advance(50, EINTR), advance(50, EINTR), sees(4));
        assert.equal(libc.poll(5, 4, timeout), 4);
        assert.deepEqual(timeouts(calls), [timeout, timeout, timeout]);
      }
    });
  });

  test('one descriptor is asked for its events, and what was seen before is forgotten', () => {
    const asked: number[][] = [];
    const look = (memory: DataView): Step => {
      asked.push([memory.getInt32(0, true), memory.getInt16(4, true), memory.getInt16(6, true)]);
      return 0;
    };
    const { libc, calls } = scripted(LINUX, sees(0x2011), look);
    assert.equal(libc.poll(5, 0x2001, 7), 0x2011);
    assert.equal(libc.poll(2 ** 31 - 1, 4, 7), 0);
    assert.deepEqual(asked, [[2 ** 31 - 1, 4, 0]]);
    assert.deepEqual(calls, [
      ['poll', ADDRESS, 1, 7],
      ['poll', ADDRESS, 1, 7],
    ]);
  });
});

suite('the type of a socket', (test) => {
  const kinds: readonly [type: number, family: number, expected: SocketType | undefined][] = [
    [1, 1, 'stream'],
    [2, 1, 'dgram'],
    [5, 1, 'seqpacket'],
    [3, 1, undefined],
    [1, 2, undefined],
    [1, 0, undefined],
    [5, 10, undefined],
  ];
  for (const [type, number, expected] of kinds) {
    test(`type ${type} of family ${number} is ${expected ?? 'none of ours'}`, () => {
      const { libc, abi, calls } = scripted(LINUX, option(type), family(number));
      assert.equal(socketType(libc, 7), expected);
      assert.deepEqual(calls[0]?.slice(0, 5), ['getsockopt', 7, abi.SOL_SOCKET, abi.SO_TYPE, ADDRESS]);
      assert.deepEqual(calls[1]?.slice(0, 3), ['getsockname', 7, ADDRESS]);

      const behindLength = scripted(DARWIN, option(type), family((number << 8) | 1));
      assert.equal(socketType(behindLength.libc, 7), expected);
    });
  }

  test('C is told how much room it has', () => {
    const rooms: number[] = [];
    const { libc, calls } = scripted(
      LINUX,
      (memory) => {
        rooms.push(memory.getInt32((calls[0]?.at(-1) as number) - ADDRESS, true));
        return option(1);
      },
      (memory) => {
        const lengthAt = (calls[1]?.at(-1) as number) - ADDRESS;
        rooms.push(memory.getInt32(lengthAt, true));
        assert.ok(lengthAt + 4 <= memory.byteLength && (rooms[1] as number) <= lengthAt);
        return family(1);
      },
    );
    socketType(libc, 7);
    assert.deepEqual(rooms, [4, 112]);
    // sockaddr_un is the largest that comes in question: 110 bytes on Linux, 106 elsewhere.
    assert.ok((rooms[1] as number) >= 110);
  });
});

suite('errno', (test) => {
  const { ETOOMANYREFS = 0 } = errnos;
  const thrown = (errno: number) => shape(thrownBy(() => scripted(LINUX, { errno }).libc.sendmsg(5, 64, 0)));

  test('a name that libuv does not know comes from the system', () => {
    assert.ok(ETOOMANYREFS > 0);
    assert.deepEqual(thrown(ETOOMANYREFS), {
      name: 'SyscallError',
      code: 'ETOOMANYREFS',
      errno: -ETOOMANYREFS,
      syscall: 'sendmsg',
      message: `ETOOMANYREFS: text of ${ETOOMANYREFS}, sendmsg`,
    });
  });

  test('a number without a name stays representable', () => {
    // The kernel's own ENOTSUPP (524) leaks out to programs, and 4000 means nothing at all.
    for (const errno of [524, 4000]) {
      const unknown = `Unknown system error -${errno}`;
      assert.deepEqual(thrown(errno), {
        name: 'SyscallError',
        code: unknown,
        errno: -errno,
        syscall: 'sendmsg',
        message: `${unknown}: ${unknown}, sendmsg`,
      });
    }
  });

  test('a number that only libuv means something by keeps its value', () => {
    // To libuv -4095 is the end of a file, which no system call reports.
    assert.equal(thrown(4095).errno, -4095);
  });

  for (const [code, text] of [
    ['EAGAIN', 'resource temporarily unavailable'],
    ['EBADF', 'bad file descriptor'],
    ['ETIMEDOUT', 'connection timed out'],
  ] as const) {
    test(`a refusal with ${code} looks like the kernel's, without a call`, () => {
      const { libc, calls } = scripted(LINUX);
      assert.deepEqual(shape(libc.refusal(code, 'recvmsg')), {
        name: 'SyscallError',
        code,
        errno: -(errnos[code] as number),
        syscall: 'recvmsg',
        message: `${code}: ${text}, recvmsg`,
      });
      assert.deepEqual(calls, []);
    });
  }
});
