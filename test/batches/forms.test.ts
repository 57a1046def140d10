import assert from 'node:assert/strict';
import { closeFD, closeFDs, Endpoint, SyscallError } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import {
  batchSuites,
  countingCalls,
  drainTags,
  range,
  tagsOf,
  withEnds,
  withTags,
} from '../support/batches.ts';
import { assertWorks, TOO_MANY, WITHIN_SECONDS } from '../support/channel.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { FRAMINGS, fill, setNonblocking } from '../support/raw.ts';
import {
  assertRefused,
  assertRejects,
  BAD_RANGE,
  BAD_TYPE,
  ENDED,
  NO_DESCRIPTORS,
  type Refusal,
} from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

/** A number that nothing comes near. */
const NOT_OPEN = 999_999;

const BAD_VALUE: Refusal = [TypeError, 'ERR_INVALID_ARG_VALUE'];
const timedOut = (syscall: string, others: object = {}): Refusal => [
  SyscallError,
  'ETIMEDOUT',
  { syscall, ...others },
];
const gone = (syscall: string): Refusal => [SyscallError, 'EBADF', { syscall, errno: -9 }];

batchSuites('many at once', (test) => {
  test('what is sent together arrives together, in order', (a, b) =>
    withTags(range(1, 50), (...files) => {
      a.sendFDs(files);
      assert.deepEqual(tagsOf(b.recvFDs()), range(1, 50));
      assert.deepEqual(b.tryRecvFDs(), []);
      assertWorks(a, b);
    }));

  test('the packets are those of sendFD and recvFD', (a, b) =>
    withTags(range(1, 20), (...files) => {
      a.sendFDs(files);
      for (const tag of range(1, 20)) assert.deepEqual(tagsOf([b.recvFD(WITHIN_SECONDS)]), [tag]);
      for (const file of files) a.sendFD(file);
      assert.deepEqual(tagsOf(b.recvFDs(WITHIN_SECONDS)), range(1, 20));
      assertWorks(a, b);
    }));

  test('200 in one call each, although that takes several system calls to send', (a, b) =>
    withTags(range(1, 200), (...files) => {
      a.sendFDs(files);
      assert.deepEqual(tagsOf(b.recvFDs({ max: 200 })), range(1, 200));
      assertWorks(a, b);
    }));

  test('a receive takes at most what is asked for, and 64 where nothing is', (a, b) =>
    withTags(range(1, 75), (...files) => {
      a.sendFDs(files);
      assert.deepEqual(tagsOf(b.recvFDs()), range(1, 64));
      assert.deepEqual(tagsOf(b.recvFDs({ max: 3 })), range(65, 67));
      assert.deepEqual(tagsOf(b.tryRecvFDs({ max: 2 })), [68, 69]);
      assert.deepEqual(tagsOf(b.recvFDs({ max: 1 })), [70]);
      assert.deepEqual(tagsOf(b.tryRecvFDs({ max: 1 })), [71]);
      assert.deepEqual(tagsOf(b.tryRecvFDs({ max: 1024 })), range(72, 75));
      for (const max of [1, 2, undefined]) assert.deepEqual(b.tryRecvFDs({ max }), []);
    }));

  test('each direction has messages of its own', (a, b) =>
    withTags([1, 2, 3, 4], (...files) => {
      a.sendFDs(files.slice(0, 2));
      b.sendFDs(files.slice(2));
      assert.deepEqual(
        [tagsOf(a.recvFDs()), tagsOf(b.recvFDs())],
        [
          [3, 4],
          [1, 2],
        ],
      );
    }));

  test('trySendFDs sends what there is room for, and says how much', (a, b) =>
    withDescriptors([temporaryFile()], (file) => {
      const room = fill(b.fd, file);
      assert.equal(drainTags(a).length, room);
      assert.equal(a.trySendFDs(Array(TOO_MANY).fill(file)), room);
      assert.equal(a.trySendFDs([file, file]), 0);
      assert.equal(a.trySendFDs([file]), 0);
      assert.equal(drainTags(b).length, room);
      assert.equal(a.trySendFDs([file, file]), 2);
      assert.equal(drainTags(b).length, 2);
    }));

  test('none is sent by none', async (a, b) => {
    a.sendFDs([]);
    assert.equal(a.trySendFDs([]), 0);
    assert.equal(await a.sendFDsAsync([]), undefined);
    assert.equal(b.tryRecvFD(), undefined);
  });

  test('a socket that is O_NONBLOCK makes no difference', (a, b) =>
    withTags(range(1, 9), (...files) => {
      for (const { fd } of [a, b]) setNonblocking(fd);
      a.sendFDs(files);
      assert.deepEqual(tagsOf(b.recvFDs()), range(1, 9));
      assertRefused(() => b.recvFDs({ timeout: 1 }), timedOut('recvmmsg'));
    }));

  test('sources may be objects, and the same one twice', (a, b) =>
    withTags([1, 2], (one, two) => {
      a.sendFDs([{ fd: one as number }, two as number, { fd: one as number }]);
      assert.deepEqual(tagsOf(b.recvFDs()), [1, 2, 1]);
    }));

  test('what comes is close-on-exec', (a, b) => {
    a.sendFDs([0, 0, 0]);
    const fds = b.recvFDs();
    const { abi, raw } = libc();
    const flags = fds.map((fd) => raw.fcntl(fd, abi.F_GETFD, 0));
    closeFDs(fds);
    assert.deepEqual(flags, Array(3).fill(abi.FD_CLOEXEC));
  });

  test('recvFDs is over when its time is', (_, b) => {
    for (const max of [1, 2, 64]) {
      assertRefused(() => b.recvFDs({ max, timeout: 2 }), timedOut('recvmmsg'));
      assertRefused(() => b.recvFDs({ max, timeout: 0 }), timedOut('recvmmsg'));
    }
  });

  test('sendFDs is over when its time is, and says how many went', (a, b) =>
    withDescriptors([temporaryFile()], (file) => {
      const room = fill(b.fd, file);
      drainTags(a);
      const send = (timeout: number): void => a.sendFDs(Array(TOO_MANY).fill(file), { timeout });
      assertRefused(() => send(20), timedOut('sendmmsg', { sent: room }));
      assertRefused(() => send(0), timedOut('sendmmsg', { sent: 0 }));
      assert.equal(drainTags(b).length, room);
      assertWorks(a, b);
    }));

  for (const [name, leave] of [
    ['closed', (peer: Endpoint) => peer.destroy()],
    ['shut down', (peer: Endpoint) => peer.shutdown()],
  ] as const) {
    test(`what a peer sent that has ${name} comes first, then the end`, (a, b) =>
      withTags(range(1, 5), async (...files) => {
        b.sendFDs(files);
        leave(b);
        assert.deepEqual(tagsOf(a.recvFDs({ max: 3 })), [1, 2, 3]);
        assert.deepEqual(tagsOf(a.recvFDs()), [4, 5]);
        for (let i = 0; i < 2; i++) {
          assertRefused(() => a.recvFDs(), ENDED);
          assertRefused(() => a.tryRecvFDs(), ENDED);
          assertRefused(() => a.tryRecvFDs({ max: 1 }), ENDED);
          await assertRejects(a.recvFDsAsync(), ENDED);
          assertRefused(() => a.recvFD(), ENDED);
        }
        const ended = [ENDED[0], ENDED[1], { sent: 0 }] as const;
        assertRefused(() => a.sendFDs(files), ended);
        assertRefused(() => a.trySendFDs(files), ended);
        await assertRejects(a.sendFDsAsync(files), ended);
      }));
  }

  for (const unread of [1, 2, 30]) {
    test(`a peer closes with ${unread} unread: what it sent comes first, then the end`, (a, b) =>
      withTags([1, 2, 3], (...files) => {
        a.sendFDs(Array(unread).fill(0));
        b.sendFDs(files);
        b.destroy();
        assert.deepEqual(tagsOf(a.recvFDs({ max: 2 })), [1, 2]);
        assert.deepEqual(tagsOf(a.tryRecvFDs()), [3]);
        for (let i = 0; i < 2; i++) assertRefused(() => a.recvFDs(), ENDED);
        assertRefused(() => a.sendFDs([0, 0]), ENDED);
      }));
  }

  for (const end of ['destroy', 'detach'] as const) {
    test(`after ${end} every form refuses`, async (a) => {
      const fd = a[end]();
      try {
        assertRefused(() => a.sendFDs([0]), gone('sendmmsg'));
        assertRefused(() => a.sendFDs([]), gone('sendmmsg'));
        assertRefused(() => a.trySendFDs([0, 0]), gone('sendmmsg'));
        await assertRejects(a.sendFDsAsync([0, 0]), gone('sendmmsg'));
        for (const max of [1, 64]) {
          assertRefused(() => a.recvFDs({ max }), gone('recvmmsg'));
          assertRefused(() => a.tryRecvFDs({ max }), gone('recvmmsg'));
          await assertRejects(a.recvFDsAsync({ max }), gone('recvmmsg'));
        }
      } finally {
        if (typeof fd === 'number') closeFD(fd);
      }
    });
  }
});

type Sources = Parameters<Endpoint['sendFDs']>[0];

/** Each form that sends, as a promise of what it comes to. */
const senders: [form: string, send: (endpoint: Endpoint, sources: Sources) => unknown][] = [
  ['sendFDs', async (endpoint, sources) => endpoint.sendFDs(sources)],
  ['trySendFDs', async (endpoint, sources) => endpoint.trySendFDs(sources)],
  ['sendFDsAsync', (endpoint, sources) => endpoint.sendFDsAsync(sources)],
];

suite('what a call for many refuses before anything is sent', (test) => {
  for (const [form, send] of senders) {
    const refuses = (sources: unknown, refusal: Refusal): Promise<void> =>
      withEnds('seqpacket', async (a, b) => {
        await assertRejects(send(a, sources as Sources) as Promise<unknown>, refusal);
        assert.equal(b.tryRecvFD(), undefined, 'nothing was sent');
        assertWorks(a, b);
      });

    for (const [value, [type, code]] of NO_DESCRIPTORS) {
      test(`${form}: a source that has no descriptor, ${String(value)}`, async () => {
        await refuses([0, value, 0], [type, code]);
        await refuses([value], [type, code]);
        await refuses([...Array(200).fill(0), { fd: value }], [type, code]);
      });
    }

    test(`${form}: a source whose descriptor is not open`, async () => {
      const fd = NOT_OPEN;
      const message = `EBADF: bad file descriptor, sendmmsg (descriptor ${fd} is not open)`;
      for (const sources of [
        [0, fd, 0],
        [0, 0, fd],
        [...Array(200).fill(0), fd, 0],
      ]) {
        await refuses(sources, [SyscallError, 'EBADF', { message }]);
      }
      await refuses([fd], [SyscallError, 'EBADF']);
    });

    test(`${form}: what is no array`, async () => {
      for (const value of [undefined, null, 0, '0', {}, new Set([0]), new Int32Array(2)]) {
        await refuses(value, BAD_TYPE);
      }
    });
  }

  test('the error names the source', () =>
    withEnds('seqpacket', (a) => {
      for (const [value, message] of [
        [-1, /^"sources\[1\]": expected a descriptor .*, got -1$/],
        [{ fd: 1.5 }, /^"sources\[1\]\.fd": expected a descriptor .*, got 1\.5$/],
        [
          '0',
          /^"sources\[1\]": expected a descriptor .*, or an open object that has one, got the string '0'$/,
        ],
      ] as const) {
        assert.throws(() => a.sendFDs([0, value as number]), { message });
      }
    }));

  test('a descriptor that poll(2) does not answer for is sent all the same', () =>
    withEnds('seqpacket', (a, b) => {
      // The other end of a pair that is gone is hung up, which poll(2) says although it is not asked for.
      const [hungUp, other] = Endpoint.pair();
      other.destroy();
      try {
        a.sendFDs([hungUp, 0, hungUp]);
        const fds = b.recvFDs();
        closeFDs(fds);
        assert.equal(fds.length, 3);
      } finally {
        hungUp.destroy();
      }
    }));

  test('a getter that sends, too, sends before', () =>
    withEnds('seqpacket', (a, b) =>
      withTags([1, 2, 3, 4], (one, two, three, four) => {
        const source = {
          get fd(): number {
            a.sendFDs([three as number, four as number]);
            return two as number;
          },
        };
        a.sendFDs([one as number, source]);
        assert.deepEqual(tagsOf(b.recvFDs()), [3, 4, 1, 2]);
      }),
    ));

  test('a getter that destroys the endpoint is answered by EBADF', () =>
    withEnds('seqpacket', async (a) => {
      const source = {
        get fd(): number {
          a.destroy();
          return 0;
        },
      };
      assertRefused(() => a.sendFDs([0, source]), gone('sendmmsg'));
      const max = {
        get max(): number {
          a.destroy();
          return 2;
        },
      };
      assertRefused(() => a.recvFDs(max), gone('recvmmsg'));
    }));
});

suite('the options of a call for many', (test) => {
  const receivers: [form: string, receive: (endpoint: Endpoint, options: object) => unknown][] = [
    ['recvFDs', async (endpoint, options) => endpoint.recvFDs(options)],
    ['tryRecvFDs', async (endpoint, options) => endpoint.tryRecvFDs(options)],
    ['recvFDsAsync', (endpoint, options) => endpoint.recvFDsAsync(options)],
  ];
  for (const [form, receive] of receivers) {
    test(`${form}: a bad max`, () =>
      withEnds('seqpacket', async (a, b) => {
        const refuses = (max: unknown, refusal: Refusal): Promise<void> =>
          assertRejects(receive(b, { max }) as Promise<unknown>, refusal);
        a.sendFD(0);
        for (const max of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1025]) {
          await refuses(max, BAD_RANGE);
        }
        for (const max of ['2', null, true, 2n, [2], {}]) await refuses(max, BAD_TYPE);
        await assertRejects(receive(b, null as never) as Promise<unknown>, BAD_TYPE);
        await assertRejects(receive(b, 2 as never) as Promise<unknown>, BAD_TYPE);
        closeFD(b.tryRecvFD() as number);
      }));
  }

  test('a signal for a call that blocks, and a time for one that does not', () =>
    withEnds('seqpacket', async (a, b) => {
      const { signal } = new AbortController();
      assertRefused(() => a.sendFDs([0, 0], { signal } as object), BAD_VALUE);
      assertRefused(() => b.recvFDs({ signal } as object), BAD_VALUE);
      await assertRejects(a.sendFDsAsync([0, 0], { timeout: 1 } as object), BAD_VALUE);
      await assertRejects(b.recvFDsAsync({ timeout: 1 } as object), BAD_VALUE);
      for (const timeout of [-1, 1.5, 2 ** 31]) {
        assertRefused(() => a.sendFDs([0, 0], { timeout }), BAD_RANGE);
        assertRefused(() => b.recvFDs({ timeout }), BAD_RANGE);
      }
      assert.equal(b.tryRecvFD(), undefined);
    }));
});

for (const framing of FRAMINGS) {
  suite(`the system calls of many, ${framing}`, (test) => {
    test('one sends, one receives, and single ones are what they were', () =>
      withEnds(framing, (a, b) =>
        countingCalls((calls) => {
          a.sendFDs(Array(64).fill(0));
          closeFDs(b.recvFDs());
          a.sendFDs(Array(8).fill(0));
          closeFDs(b.tryRecvFDs({ max: 8 }));
          a.sendFDs([0]);
          closeFDs(b.recvFDs({ max: 1 }));
          assert.deepEqual(calls, [
            { name: 'sendmmsg', asked: 64, result: 64 },
            { name: 'recvmmsg', asked: 64, result: 64 },
            { name: 'sendmmsg', asked: 8, result: 8 },
            { name: 'recvmmsg', asked: 8, result: 8 },
          ]);
        }),
      ));

    test('none is made of what is refused', () =>
      withEnds(framing, (a, b) =>
        countingCalls((calls) => {
          assertRefused(() => a.sendFDs([0, NOT_OPEN]), [SyscallError, 'EBADF']);
          assertRefused(() => b.recvFDs({ max: 0 }), BAD_RANGE);
          for (const end of [a, b]) end.destroy();
          assertRefused(() => a.sendFDs([0, 0]), gone('sendmmsg'));
          assertRefused(() => b.recvFDs(), gone('recvmmsg'));
          assert.deepEqual(calls, []);
        }),
      ));
  });
}
