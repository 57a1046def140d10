import assert from 'node:assert/strict';
import type { SocketType } from '../../src/index.ts';
import { shutdown, socketpair, socketType } from '../../src/libc/sockets.ts';
import { ADDRESS, DARWIN, fails, family, LINUX, option, pair, scripted } from '../support/scripted.ts';
import { suite } from '../support/suite.ts';

suite('a pair of sockets', (test) => {
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
});

suite('the end of a socket', (test) => {
  test('shutdown of a socket whose peer is gone is done already', () => {
    const { libc, calls } = scripted(LINUX, fails('ENOTCONN'));
    shutdown(libc, 5);
    assert.deepEqual(calls, [['shutdown', 5, 2]]);
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
