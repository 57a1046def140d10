import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { getSystemErrorMap, inspect } from 'node:util';
import {
  ChannelError,
  type ChannelErrorCode,
  invalidArgType,
  outOfRange,
  SyscallError,
  UnsupportedPlatformError,
} from '../src/errors.ts';
import { closeFD } from '../src/index.ts';
import { isOpen } from './support/descriptors.ts';
import { suite } from './support/suite.ts';

function thrownBy(call: () => unknown): NodeJS.ErrnoException {
  try {
    call();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  assert.fail('nothing was thrown');
}

/** A number that was open, and is not any more. */
function closedNumber(): number {
  const fd = openSync(import.meta.filename, 'r');
  closeSync(fd);
  assert.ok(!isOpen(fd));
  return fd;
}

suite('errors of system calls', (test) => {
  test("one from the kernel has the shape of Node's own", () => {
    const fd = closedNumber();
    const [nodes, ours] = [thrownBy(() => closeSync(fd)), thrownBy(() => closeFD(fd))];
    assert.ok(ours instanceof SyscallError && ours instanceof Error);
    const { code, errno, syscall, message } = ours;
    assert.deepEqual(
      { code, errno, syscall, message },
      { code: nodes.code, errno: nodes.errno, syscall: nodes.syscall, message: nodes.message },
    );
    assert.deepEqual(
      { code, errno, syscall, message },
      { code: 'EBADF', errno: -9, syscall: 'close', message: 'EBADF: bad file descriptor, close' },
    );
    assert.equal(ours.name, 'SyscallError');
    assert.equal(ours.toString(), 'SyscallError: EBADF: bad file descriptor, close');
    assert.match(ours.stack ?? '', /errors\.test\.ts/);
  });

  test("every errno that libuv names has libuv's name and text", () => {
    const map = getSystemErrorMap();
    assert.ok(map.size > 50);
    for (const [errno, [code, text]] of map) {
      const error = new SyscallError(-errno, 'sendmsg', { fallback: ['EWRONG', 'a wrong text'] });
      assert.deepEqual([error.code, error.errno, error.message], [code, errno, `${code}: ${text}, sendmsg`]);
    }
  });

  test('a name that libuv lacks can be brought along', () => {
    const { code, errno, message } = new SyscallError(4000, 'sendmsg', {
      fallback: ['ETOOMANYREFS', 'too many references'],
    });
    assert.deepEqual(
      [code, errno, message],
      ['ETOOMANYREFS', -4000, 'ETOOMANYREFS: too many references, sendmsg'],
    );
  });

  test('a number without a name stays representable', () => {
    const { code, errno, message } = new SyscallError(4000, 'sendmsg');
    assert.deepEqual(
      [code, errno, message],
      [
        'Unknown system error -4000',
        -4000,
        'Unknown system error -4000: Unknown system error -4000, sendmsg',
      ],
    );
  });
});

suite('errors of the channel', (test) => {
  const codes: readonly ChannelErrorCode[] = [
    'ERR_FDCHANNEL_ENDED',
    'ERR_FDCHANNEL_NO_DESCRIPTOR',
    'ERR_FDCHANNEL_CONTROL_TRUNCATED',
    'ERR_FDCHANNEL_UNEXPECTED_CONTROL',
  ];
  for (const code of codes) {
    test(`${code} is a ChannelError with a code and a cause`, () => {
      const cause = new SyscallError(32, 'sendmsg');
      const error = new ChannelError(code, 'what happened', { cause });
      assert.ok(error instanceof Error && !(error instanceof SyscallError));
      assert.deepEqual(
        [error.name, error.code, error.message, error.cause],
        ['ChannelError', code, 'what happened', cause],
      );
      assert.ok(!('cause' in new ChannelError(code, 'what happened')));
      assert.match(inspect(error), new RegExp(`^ChannelError: what happened[^]*code: '${code}'`));
    });
  }

  test('a host that is not supported has an error of its own', () => {
    const cause = new Error('no binary');
    const error = new UnsupportedPlatformError('what is wrong', { cause });
    assert.ok(error instanceof Error);
    assert.deepEqual(
      [error.name, error.code, error.message, error.cause],
      ['UnsupportedPlatformError', 'ERR_FDCHANNEL_UNSUPPORTED_PLATFORM', 'what is wrong', cause],
    );
  });
});

suite('errors of arguments', (test) => {
  class Thing {}

  const shown: readonly [value: unknown, got: string][] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [NaN, 'NaN'],
    [-0, '-0'],
    [-1, '-1'],
    [3n, '3n'],
    [true, 'true'],
    ['3', "the string '3'"],
    ['', "the string ''"],
    [Symbol('three'), 'Symbol(three)'],
    [() => 3, 'a function'],
    [class {}, 'a function'],
    [{}, 'an object of Object'],
    [[3], 'an object of Array'],
    [new Thing(), 'an object of Thing'],
    [Object.create(null), 'an object of no class'],
  ];
  for (const [value, got] of shown) {
    test(`${got} is shown`, () => {
      assert.deepEqual(facts(invalidArgType('source', 'a descriptor', value)), {
        type: TypeError,
        name: 'TypeError',
        code: 'ERR_INVALID_ARG_TYPE',
        message: `"source": expected a descriptor, got ${got}`,
      });
      assert.deepEqual(facts(outOfRange('fd', '1 to 3', value)), {
        type: RangeError,
        name: 'RangeError',
        code: 'ERR_OUT_OF_RANGE',
        message: `"fd": expected 1 to 3, got ${got}`,
      });
    });
  }

  test('what was got may be said in words', () => {
    const { message } = invalidArgType('sockfd', 'a Unix socket', 3, 'a file');
    assert.equal(message, '"sockfd": expected a Unix socket, got a file');
  });

  test("class and code are those of Node's own", () => {
    for (const [value, ours] of [
      ['3', invalidArgType('fd', 'a number', '3')],
      [-1, outOfRange('fd', 'a number', -1)],
    ] as const) {
      const nodes = thrownBy(() => closeSync(value as number));
      assert.deepEqual(
        [ours.constructor, ours.name, (ours as NodeJS.ErrnoException).code],
        [nodes.constructor, nodes.name, nodes.code],
      );
    }
  });

  function facts(error: Error) {
    const { name, code, message } = error as NodeJS.ErrnoException;
    return { type: error.constructor, name, code, message };
  }
});
