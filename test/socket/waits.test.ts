import assert from 'node:assert/strict';
import type { Abi } from '../../src/abi/abi.ts';
import { SyscallError } from '../../src/index.ts';
import type { Operation } from '../../src/socket/wait.ts';
import { Waits } from '../../src/socket/waits.ts';
import { assertRefused, type Refusal } from '../support/refusals.ts';
import { fails, LINUX, type Step, scripted, sees, withClock } from '../support/scripted.ts';
import { suite } from '../support/suite.ts';

const FD = 5;
const RECEIVE: Operation = { direction: 'in', syscall: 'recvmsg' };
const CONNECT: Operation = { direction: 'out', syscall: 'connect' };

const over = (syscall: string, what: string): Refusal => [
  SyscallError,
  'ETIMEDOUT',
  { syscall, message: `ETIMEDOUT: connection timed out, ${syscall} (${what})` },
];

/** Waits for a socket whose poll(2) does what the steps say. */
function polling(...steps: Step[]): { waits: Waits; abi: Abi; timeouts: () => unknown[] } {
  const { libc, abi, calls } = scripted(LINUX, ...steps);
  const timeouts = (): unknown[] => calls.map((call) => call.at(-1));
  return { waits: new Waits(libc, { fd: FD }), abi, timeouts };
}

suite('blocking for one socket', (test) => {
  test('without a limit it polls without one, until an attempt succeeds', () => {
    const { waits, timeouts } = polling(sees(1), sees(1), sees(1));
    const results = [undefined, undefined, 'done'];
    const flags: number[] = [];
    const result = waits.block(
      RECEIVE,
      {
        attempt(given) {
          flags.push(given);
          return results.shift();
        },
      },
      undefined,
    );
    assert.equal(result, 'done');
    assert.deepEqual(flags, [0, 0, 0], 'the call itself may wait');
    assert.deepEqual(timeouts(), [-1, -1, -1]);
  });

  test('what another was faster to take does not prolong it, and no attempt waits in the kernel', () =>
    withClock((advance) => {
      const { waits, abi, timeouts } = polling(
        advance(30.5, sees(1)),
        advance(69, sees(1)),
        advance(5, sees(1)),
        advance(0, 0),
      );
      const flags = new Set<number>();
      assertRefused(
        () =>
          waits.block(
            RECEIVE,
            {
              attempt(given) {
                flags.add(given);
                return undefined;
              },
            },
            100,
          ),
        over('recvmsg', 'nothing came within 100 ms'),
      );
      assert.deepEqual(timeouts(), [100, 70, 1, 0]);
      assert.deepEqual([...flags], [abi.MSG_DONTWAIT]);
    }));

  test('a clock that has passed the end by far leaves no time, and not less', () =>
    withClock((advance) => {
      const { waits, timeouts } = polling(advance(100_000, sees(1)), 0);
      assertRefused(
        () => waits.block(RECEIVE, { attempt: () => undefined }, 30),
        over('recvmsg', 'nothing came within 30 ms'),
      );
      // A negative time would be without end.
      assert.deepEqual(timeouts(), [30, 0]);
    }));

  test('with no time at all it looks once', () => {
    const { waits, timeouts } = polling(0);
    assertRefused(
      () => waits.block(RECEIVE, { attempt: () => assert.fail('no attempt') }, 0),
      over('recvmsg', 'nothing came within 0 ms'),
    );
    assert.deepEqual(timeouts(), [0]);
  });

  test('the direction decides what is looked for, and the operation what the error names', () => {
    const asked: [fd: number, events: number][] = [];
    const look = (memory: DataView): Step => {
      asked.push([memory.getInt32(0, true), memory.getInt16(4, true)]);
      return 0;
    };
    const { libc, abi } = scripted(LINUX, look, look);
    const waits = new Waits(libc, { fd: FD });
    assertRefused(
      () => waits.block(RECEIVE, { attempt: () => 1 }, 0),
      over('recvmsg', 'nothing came within 0 ms'),
    );
    assertRefused(
      () => waits.block(CONNECT, { attempt: () => 1 }, 0),
      over('connect', 'no room came within 0 ms'),
    );
    assert.deepEqual(asked, [
      [FD, abi.POLLIN],
      [FD, abi.POLLOUT],
    ]);
  });

  test('what an attempt throws, and what poll(2) says of the descriptor, is thrown', () => {
    const mine = new RangeError('mine');
    const attempt = (): never => {
      throw mine;
    };
    assert.throws(
      () => polling(sees(1)).waits.block(RECEIVE, { attempt }, 5),
      (error) => error === mine,
    );
    assertRefused(
      () => polling(fails('ENOMEM')).waits.block(RECEIVE, { attempt: () => 1 }, undefined),
      [SyscallError, 'ENOMEM', { syscall: 'poll' }],
    );
  });

  test('the first attempt of a call may wait in the kernel where there is no limit', () => {
    const { waits, abi } = polling();
    assert.deepEqual(
      [waits.firstFlags(undefined), waits.firstFlags(0), waits.firstFlags(5)],
      [0, abi.MSG_DONTWAIT, abi.MSG_DONTWAIT],
    );
  });
});
