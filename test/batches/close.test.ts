import assert from 'node:assert/strict';
import { closeFD, closeFDs, SyscallError } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { isOpen } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE, NO_DESCRIPTORS } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

const EBADF = [SyscallError, 'EBADF', { syscall: 'close' }] as const;

/** Far from what anything else opens. */
const FAR = 500;

/** Descriptors under these numbers, counted from one that is far from all others. */
function at(...offsets: number[]): number[] {
  const { abi, raw } = libc();
  return offsets.map((offset) => {
    const fd = raw.fcntl(0, abi.F_DUPFD_CLOEXEC, FAR + offset);
    assert.equal(fd, FAR + offset);
    return fd;
  });
}

/** The calls of libc that the body makes to close. */
function closing(body: () => void, range = libc().raw.close_range): (string | number)[][] {
  const { raw } = libc();
  const { close, close_range } = raw;
  const calls: (string | number)[][] = [];
  const counted = range && {
    close_range: (...args: Parameters<typeof range>) => {
      calls.push(['close_range', ...args]);
      return range(...args);
    },
  };
  Object.assign(raw, { close_range: undefined, ...counted });
  raw.close = (fd) => {
    calls.push(['close', fd]);
    return close(fd);
  };
  try {
    body();
  } finally {
    Object.assign(raw, { close, close_range });
  }
  return calls;
}

suite('closeFDs', (test) => {
  test('numbers that follow each other are closed by one call, others one by one, and none beside them', () =>
    withDescriptors(at(5, 10), (...others) => {
      const fds = at(0, 1, 2, 3, 7, 9, 11, 12);
      const calls = closing(() => closeFDs(fds));
      assert.deepEqual(calls, [
        ['close_range', FAR, FAR + 3, 0],
        ['close', FAR + 7],
        ['close', FAR + 9],
        ['close_range', FAR + 11, FAR + 12, 0],
      ]);
      assert.deepEqual(fds.filter(isOpen), []);
      assert.deepEqual(others.filter(isOpen), others);
    }));

  test('numbers in another order are closed, too', () =>
    withDescriptors(at(1), (other) => {
      const fds = at(3, 2, 0, 4, 6, 5);
      closeFDs(fds);
      assert.deepEqual(fds.filter(isOpen), []);
      assert.ok(isOpen(other));
    }));

  test('none, and one', () => {
    assert.deepEqual(
      closing(() => closeFDs([])),
      [],
    );
    const [fd] = at(0) as [number];
    assert.deepEqual(
      closing(() => closeFDs([fd])),
      [['close', fd]],
    );
  });

  test('where there is no close_range, each is closed by close', () => {
    const fds = at(0, 1, 2);
    const calls = closing(() => closeFDs(fds), null as never);
    assert.deepEqual(
      calls.filter(([name]) => name === 'close'),
      fds.map((fd) => ['close', fd]),
    );
    assert.deepEqual(fds.filter(isOpen), []);
  });

  test('a number that is not open: the others are closed, and the error comes then', () => {
    const fds = at(0, 2, 4);
    assertRefused(() => closeFDs([FAR, FAR + 9, FAR + 2, FAR + 4]), EBADF);
    assert.deepEqual(fds.filter(isOpen), []);
  });

  test('the same number twice is not open the second time', () => {
    const fds = at(0, 1);
    assertRefused(() => closeFDs([FAR, FAR, FAR + 1]), EBADF);
    assert.deepEqual(fds.filter(isOpen), []);
  });

  test('what can be no descriptor is refused, and named, before any is closed', () => {
    const fd = temporaryFile();
    for (const [value, refusal] of NO_DESCRIPTORS) {
      assertRefused(() => closeFDs([fd, value as number]), refusal);
      assert.ok(isOpen(fd));
    }
    assert.throws(() => closeFDs([fd, -1]), { message: /^"fds\[1\]": expected a descriptor .*, got -1$/ });
    assertRefused(() => closeFDs([fd, { fd } as never]), BAD_TYPE);
    assertRefused(() => closeFDs([fd, 2 ** 31]), BAD_RANGE);
    for (const value of [undefined, null, fd, new Set([fd]), new Int32Array([fd])]) {
      assertRefused(() => closeFDs(value as never), BAD_TYPE);
    }
    assert.ok(isOpen(fd));
    closeFD(fd);
  });
});
