import assert from 'node:assert/strict';
import { SyscallError } from '../../src/errors.ts';
import { type Libc, WOULD_BLOCK } from '../../src/libc/calls.ts';
import { epollControl, epollCreate, epollReady, pollReady, redirect } from '../../src/libc/polls.ts';
import { isConnected, shutdown, socketpair, socketType } from '../../src/libc/sockets.ts';
import { platforms } from '../abi/golden.ts';
import {
  ADDRESS,
  DARWIN,
  EINTR,
  errnos,
  fails,
  family,
  LINUX,
  option,
  pair,
  type Scripted,
  type Step,
  scripted,
  sees,
  withClock,
} from '../support/scripted.ts';
import { suite } from '../support/suite.ts';

interface Case {
  /** The name that errors carry. */
  readonly syscall: string;
  /** The function that is called. @default the same */
  readonly called?: string;
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
  { syscall: 'sendmsg', called: 'send', call: (c) => c.send(5, 64, 3, 0), succeeds: 3, returns: 3 },
  { syscall: 'recvmsg', call: (c) => c.recvmsg(5, 64, 0), succeeds: 3, returns: 3 },
  { syscall: 'shutdown', call: (c) => shutdown(c, 5), returns: undefined },
  { syscall: 'sendmmsg', call: (c) => c.sendmmsg(5, 64, 8, 0), succeeds: 3, returns: 3 },
  { syscall: 'recvmmsg', call: (c) => c.recvmmsg(5, 64, 8, 0), succeeds: 3, returns: 3 },
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
    const {
      syscall,
      called = syscall,
      platform = LINUX,
      call,
      before = [],
      succeeds = 0,
      after = [],
      returns,
    } = one;
    const title = `${called} (${index + 1} of ${cases.length})`;

    test(`${title}: an interruption is retried with the same arguments`, () => {
      const { libc, calls } = scripted(platform, ...before, EINTR, EINTR, EINTR, succeeds, ...after);
      assert.deepEqual(call(libc), returns);
      const [first, ...others] = calls.slice(before.length, before.length + 4);
      assert.equal(first?.[0], called);
      assert.deepEqual(others, [first, first, first]);
      assert.equal(calls.length, before.length + 4 + after.length);
    });

    test(`${title}: any other errno is thrown at once`, () => {
      const { libc, calls } = scripted(platform, ...before, EINTR, fails('EIO'));
      assert.deepEqual(shape(thrownBy(() => call(libc))), {
        name: 'SyscallError',
        code: 'EIO',
        errno: -(errnos['EIO'] as number),
        syscall,
        message: `EIO: i/o error, ${syscall}`,
      });
      assert.equal(calls.length, before.length + 2);
    });
  }

  for (const call of ['send', 'sendmsg', 'recvmsg'] as const) {
    test(`${call}: where it would block it says so, without an exception`, () => {
      const { libc } = scripted(LINUX, fails('EAGAIN'), EINTR, fails('EAGAIN'), 0);
      const made = (): number => (call === 'send' ? libc.send(5, 64, 3, 0) : libc[call](5, 64, 0));
      assert.equal(made(), WOULD_BLOCK);
      assert.equal(made(), WOULD_BLOCK);
      assert.equal(made(), 0);
    });
  }

  for (const call of ['sendmsg', 'recvmsg', 'sendmmsg', 'recvmmsg'] as const) {
    test(`${call}: an ENOENT that the engine has left is asked about once more`, () => {
      const { libc, calls } = scripted(
        LINUX,
        fails('ENOENT'),
        fails('EAGAIN'),
        fails('ENOENT'),
        fails('ENOENT'),
      );
      const made = (): unknown =>
        call === 'sendmsg' || call === 'recvmsg' ? libc[call](5, 64, 0) : libc[call](5, 64, 8, 0);
      assert.equal(made(), WOULD_BLOCK);
      assert.equal(thrownBy(made).code, 'ENOENT');
      assert.equal(calls.length, 4);
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

  for (const call of ['sendmmsg', 'recvmmsg'] as const) {
    test(`${call}: where it would block it says so, without an exception`, () => {
      const { libc } = scripted(LINUX, fails('EAGAIN'), EINTR, fails('EAGAIN'), 2);
      assert.equal(libc[call](5, 64, 8, 0), WOULD_BLOCK);
      assert.equal(libc[call](5, 64, 8, 0), WOULD_BLOCK);
      assert.equal(libc[call](5, 64, 8, 0), 2);
    });
  }

  test('many are closed each once, whatever becomes of the others, and the first error is thrown', () => {
    const { libc, calls } = scripted(LINUX, fails('EIO'), EINTR, 0, 0, fails('EBADF'));
    assert.equal(thrownBy(() => libc.closeAll([5, 3, 9, 20, 21, 1])).message, 'EIO: i/o error, close');
    assert.deepEqual(calls, [
      ['close', 5],
      ['close', 3],
      ['close', 9],
      ['close_range', 20, 21, 0],
      ['close', 1],
    ]);
  });

  for (const name of ['ENOSYS', 'EPERM', 'EINVAL']) {
    test(`a kernel that refuses close_range with ${name} is asked once`, () => {
      const { libc, calls } = scripted(LINUX, fails(name), 0, 0, 0, 0);
      libc.closeAll([5, 6]);
      libc.closeAll([7, 8]);
      assert.deepEqual(calls, [
        ['close_range', 5, 6, 0],
        ...[5, 6, 7, 8].map((fd) => ['close', fd] as const),
      ]);
    });
  }

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
});

suite('the flags of libc', (test) => {
  for (const { name, abi } of platforms) {
    test(`${name}: no signal for a sender, close-on-exec for a receiver`, () => {
      const { libc, calls } = scripted(name, 0, 0, 0, 0, 0);
      libc.send(5, 64, 3, abi.MSG_DONTWAIT);
      libc.sendmsg(5, 64, 0);
      libc.sendmsg(5, 64, abi.MSG_DONTWAIT);
      libc.recvmsg(5, 64, 0);
      libc.recvmsg(5, 64, abi.MSG_DONTWAIT);
      assert.deepEqual(calls, [
        ['send', 5, 64, 3, abi.MSG_NOSIGNAL + abi.MSG_DONTWAIT],
        ['sendmsg', 5, 64, abi.MSG_NOSIGNAL],
        ['sendmsg', 5, 64, abi.MSG_NOSIGNAL + abi.MSG_DONTWAIT],
        ['recvmsg', 5, 64, abi.MSG_CMSG_CLOEXEC],
        ['recvmsg', 5, 64, abi.MSG_CMSG_CLOEXEC + abi.MSG_DONTWAIT],
      ]);
    });
  }

  test('many: the same, and only the first message is waited for', () => {
    const { libc, abi, calls } = scripted(LINUX, 1, 1);
    libc.sendmmsg(5, 64, 8, abi.MSG_DONTWAIT);
    libc.recvmmsg(5, 64, 8, 0);
    assert.deepEqual(calls, [
      ['sendmmsg', 5, 64, 8, abi.MSG_NOSIGNAL + abi.MSG_DONTWAIT],
      ['recvmmsg', 5, 64, 8, abi.MSG_CMSG_CLOEXEC + abi.MSG_WAITFORONE, 0],
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

  test('many: the same, and only the first message is waited for', () => {
    const { libc, abi, calls } = scripted(LINUX, 1, 1);
    libc.sendmmsg(5, 64, 8, abi.MSG_DONTWAIT);
    libc.recvmmsg(5, 64, 8, 0);
    assert.deepEqual(calls, [
      ['sendmmsg', 5, 64, 8, abi.MSG_NOSIGNAL + abi.MSG_DONTWAIT],
      ['recvmmsg', 5, 64, 8, abi.MSG_CMSG_CLOEXEC + abi.MSG_WAITFORONE, 0],
    ]);
  });
});

suite('poll', (test) => {
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
