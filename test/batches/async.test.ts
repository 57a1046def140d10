import assert from 'node:assert/strict';
import { ChannelError, closeFD, closeFDs, type Endpoint, SyscallError } from '../../src/index.ts';
import {
  batchSuites,
  countingCalls,
  drainTags,
  range,
  tagsOf,
  withEnds,
  withTags,
} from '../support/batches.ts';
import { assertWorks } from '../support/channel.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { tagged, temporaryFile, withDescriptors } from '../support/files.ts';
import { FRAMINGS, fill, sendRaw } from '../support/raw.ts';
import { assertRefused, assertRejects, ENDED, type Refusal, TRUNCATED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { assertNoListener, observe, turns } from '../support/waits.ts';

/** More than a socket has room for. */
const MANY = 300;

const PARTLY = 'ERR_FDCHANNEL_PARTLY_SENT';
const TIMED_OUT: Refusal = [SyscallError, 'ETIMEDOUT'];

/** How many messages a socket has room for that has none in it. */
function roomOf(from: Endpoint, to: Endpoint): number {
  const file = temporaryFile();
  const room = fill(from.fd, file);
  closeFD(file);
  assert.equal(drainTags(to).length, room);
  assert.ok(room < MANY);
  return room;
}

/** Sends so many tags from 1 on, of which a part has to wait, and closes the sources at once. */
function sendMany(endpoint: Endpoint, count = MANY, signal?: AbortSignal): Promise<void> {
  const files = range(1, count).map(tagged);
  const sent = endpoint.sendFDsAsync(files, { signal });
  closeFDs(files);
  return sent;
}

async function receiveAll(endpoint: Endpoint, count: number): Promise<number[]> {
  const tags: number[] = [];
  while (tags.length < count) tags.push(...tagsOf(await endpoint.recvFDsAsync()));
  return tags;
}

batchSuites('many at once on the event loop', (test) => {
  test('what there is room for is sent at once, and holds nothing', async (a, b) => {
    const files = range(1, 20).map(tagged);
    const before = openDescriptors();
    const sent = a.sendFDsAsync(files);
    assert.deepEqual(changes(before, openDescriptors()), []);
    closeFDs(files);
    await sent;
    assert.deepEqual(tagsOf(await b.recvFDsAsync()), range(1, 20));
    assertWorks(a, b);
  });

  test('what has to wait is held, and no more; each is let go when it was sent', async (a, b) => {
    const room = roomOf(a, b);
    const files = range(1, MANY).map(tagged);
    // What the event loop needs to watch the socket is open before.
    const controller = new AbortController();
    const idle = a.recvFDAsync({ signal: controller.signal });
    const open = (): number => openDescriptors().size;
    const before = open();
    const sent = a.sendFDsAsync(files);
    assert.equal(open() - before, MANY - room);
    closeFDs(files);
    tagsOf(b.tryRecvFDs({ max: 10 }));
    assert.equal(a.trySendFD(0), false);
    assert.equal(open() - before, -room - 10, 'ten more were sent, and are held no longer');
    const tags: number[] = [];
    for (; tags.length < MANY - 10; await turns()) tags.push(...tagsOf(b.tryRecvFDs()));
    assert.deepEqual(tags, range(11, MANY));
    await sent;
    assert.equal(open() - before, -MANY);
    controller.abort();
    await assert.rejects(idle);
    assertWorks(a, b);
  });

  test('a batch that waits behind another holds all of it, and they arrive in order', async (a, b) => {
    const room = roomOf(a, b);
    const first = sendMany(a, room + 50);
    const second = sendMany(a, 60);
    const file = tagged(1000);
    const single = a.sendFDAsync(file);
    closeFD(file);
    assert.deepEqual(await receiveAll(b, room + 111), [...range(1, room + 50), ...range(1, 60), 1000]);
    await Promise.all([first, second, single]);
    assertWorks(a, b);
  });

  test('a signal that aborts before anything was sent: its reason, and nothing was', async (a, b) => {
    const controller = new AbortController();
    const file = tagged(1000);
    const full = fill(a.fd, file);
    closeFD(file);
    const sent = sendMany(a, 20, controller.signal);
    await turns();
    controller.abort('the reason');
    assert.equal(await sent.catch((reason) => reason), 'the reason');
    assert.deepEqual(drainTags(b), Array(full).fill(1000));
    assertNoListener(controller.signal);
    assertWorks(a, b);
  });

  test('a signal that aborts in the middle: how many went, and the rest did not', async (a, b) => {
    const room = roomOf(a, b);
    const controller = new AbortController();
    const reason = new Error('the reason');
    const sent = sendMany(a, MANY, controller.signal);
    controller.abort(reason);
    await assertRejects(sent, [ChannelError, PARTLY, { sent: room, cause: reason }]);
    await assert.rejects(sent, {
      message: `${room} of ${MANY} descriptors were sent before the call was ended`,
    });
    assert.deepEqual(drainTags(b), range(1, room));
    await turns();
    assert.equal(b.tryRecvFD(), undefined);
    assertNoListener(controller.signal);
    assertWorks(a, b);
  });

  test('a signal that has aborted before the call', async (a, b) => {
    await assertRejects(a.sendFDsAsync([0, 0], { signal: AbortSignal.abort(new TypeError('x')) }), [
      TypeError,
      undefined as never,
    ]);
    await assertRejects(b.recvFDsAsync({ signal: AbortSignal.abort(new TypeError('x')) }), [
      TypeError,
      undefined as never,
    ]);
    assert.equal(b.tryRecvFD(), undefined);
  });

  for (const end of ['destroy', 'detach'] as const) {
    test(`${end} in the middle: how many went, and why no more`, async (a, b) => {
      const room = roomOf(a, b);
      const sent = sendMany(a);
      const behind = sendMany(a, 5);
      const fd = a[end]();
      if (typeof fd === 'number') closeFD(fd);
      await assertRejects(sent, [ChannelError, PARTLY, { sent: room }]);
      const { cause } = await sent.catch((error) => error);
      assertRefused(() => {
        throw cause;
      }, [SyscallError, 'EBADF', { syscall: 'sendmmsg' }]);
      await assertRejects(behind, [SyscallError, 'EBADF', { syscall: 'sendmmsg' }]);
      assert.deepEqual(restOf(b), range(1, room));
    });
  }

  test('a peer that goes in the middle: the end, and how many went', async (a, b) => {
    const room = roomOf(a, b);
    const sent = sendMany(a);
    b.destroy();
    await assertRejects(sent, [...ENDED.slice(0, 2), { sent: room }] as never);
  });

  test('no descriptor is left to hold what waits: EMFILE is told, with how many went', async (a, b) => {
    const room = roomOf(a, b);
    // A duplicate needs a number below the limit, which no number is.
    const files = Array(MANY).fill(0);
    const { raw } = await import('../../src/libc/calls.ts').then(({ libc }) => libc());
    const { fcntl, errno } = raw;
    let duplicates = 0;
    Object.assign(raw, {
      fcntl: (...args: Parameters<typeof fcntl>) => (++duplicates > 5 ? -1 : fcntl(...args)),
      errno: () => (duplicates > 5 ? (raw.errnos['EMFILE'] as number) : errno()),
    });
    try {
      await assertRejects(a.sendFDsAsync(files), [SyscallError, 'EMFILE', { sent: room, syscall: 'fcntl' }]);
    } finally {
      Object.assign(raw, { fcntl, errno });
    }
    assert.equal(drainTags(b).length, room);
    assertWorks(a, b);
  });

  test('a batch that is half sent is not torn apart: try finds no room', async (a, b) => {
    roomOf(a, b);
    const sent = sendMany(a);
    const got = tagsOf(b.tryRecvFDs({ max: 20 }));
    assert.equal(a.trySendFD(0), false);
    assert.equal(a.trySendFDs([0, 0]), 0);
    assertRefused(() => a.sendFD(0, { timeout: 0 }), TIMED_OUT);
    assertRefused(() => a.sendFDs([0, 0], { timeout: 0 }), [...TIMED_OUT.slice(0, 2), { sent: 0 }] as never);
    got.push(...(await receiveAll(b, MANY - 20)));
    await sent;
    assert.deepEqual(got, range(1, MANY));
    assertWorks(a, b);
  });

  for (const [form, send] of [
    ['sendFD', (endpoint: Endpoint, file: number) => endpoint.sendFD(file)],
    ['sendFD with a timeout', (endpoint: Endpoint, file: number) => endpoint.sendFD(file, { timeout: 5000 })],
    ['sendFDs', (endpoint: Endpoint, file: number) => endpoint.sendFDs([file])],
    [
      'trySendFD',
      (endpoint: Endpoint, file: number) => {
        while (!endpoint.trySendFD(file));
      },
    ],
    [
      'trySendFDs',
      (endpoint: Endpoint, file: number) => {
        while (endpoint.trySendFDs([file]) === 0);
      },
    ],
    ['sendFDAsync', (endpoint: Endpoint, file: number) => void endpoint.sendFDAsync(file)],
  ] as const) {
    test(`a batch that is half sent is finished by ${form}, which comes behind it`, (a, b) =>
      withDescriptors([tagged(1000)], async (file) => {
        const room = roomOf(a, b);
        const sent = observe(sendMany(a, room + 30));
        const tags = tagsOf(b.tryRecvFDs({ max: 100 }));
        send(a, file);
        // Without a turn of the loop, which would send it, too.
        for (let i = 0; i < 10; i++) await Promise.resolve();
        assert.equal(sent.state, form === 'sendFDAsync' ? 'pending' : 'fulfilled');
        tags.push(...(await receiveAll(b, room + 31 - 100)));
        await sent.promise;
        assert.deepEqual(tags, [...range(1, room + 30), 1000]);
        assertWorks(a, b);
      }));
  }

  test('a batch that waits, but has not begun, is overtaken as any wait is', (a, b) =>
    withTags([1000], async (file) => {
      const full = fill(a.fd, file as number);
      const sent = sendMany(a, 10);
      assert.equal(tagsOf(b.tryRecvFDs({ max: 1 })).length, 1);
      assert.equal(a.trySendFD(file as number), true);
      assert.deepEqual(await receiveAll(b, full + 10), [...Array(full).fill(1000), ...range(1, 10)]);
      await sent;
    }));

  test('a batch that is half sent when the peer goes ends before the call that would finish it', async (a, b) => {
    const room = roomOf(a, b);
    const sent = sendMany(a);
    sent.catch(() => {});
    b.destroy();
    assertRefused(() => a.sendFD(0), ENDED);
    await assertRejects(sent, [...ENDED.slice(0, 2), { sent: room }] as never);
  });

  test('receives wait in turn: one, then what is there, then one more', async (a, b) =>
    withTags(range(1, 6), async (...files) => {
      const first = b.recvFDAsync();
      const many = b.recvFDsAsync();
      const last = observe(b.recvFDAsync());
      await turns();
      a.sendFDs(files.slice(0, 5));
      assert.deepEqual(tagsOf([await first]), [1]);
      assert.deepEqual(tagsOf(await many), [2, 3, 4, 5]);
      await turns();
      assert.equal(last.state, 'pending');
      a.sendFD(files[5] as number);
      assert.deepEqual(tagsOf([await last.promise]), [6]);
    }));

  test('a receive takes no more than its max, and the next one the rest', (a, b) =>
    withTags(range(1, 6), async (...files) => {
      const waits = [2, 1, 64].map((max) => b.recvFDsAsync({ max }));
      await turns();
      a.sendFDs(files);
      const tags = [];
      for (const wait of waits) tags.push(tagsOf(await wait));
      assert.deepEqual(tags, [[1, 2], [3], [4, 5, 6]]);
    }));

  test('a receive that is aborted has taken nothing', (a, b) =>
    withTags(range(1, 3), async (...files) => {
      const controller = new AbortController();
      const wait = b.recvFDsAsync({ signal: controller.signal });
      await turns();
      a.sendFDs(files);
      controller.abort(new TypeError('aborted'));
      await assertRejects(wait, [TypeError, undefined as never]);
      assertNoListener(controller.signal);
      assert.deepEqual(drainTags(b), [1, 2, 3]);
    }));

  test('what is there is received in turns of the loop, and all of it', async (a, b) => {
    let turned = 0;
    const count = async (): Promise<void> => {
      for (;;) {
        await turns(1);
        if (++turned === 100) return;
      }
    };
    const counted = count();
    for (let i = 0; i < 1000; i++) {
      await a.sendFDsAsync([0, 0, 0]);
      const fds = await b.recvFDsAsync();
      closeFDs(fds);
      assert.equal(fds.length, 3);
    }
    assert.ok(turned > 1, 'the event loop turned meanwhile');
    turned = 99;
    await counted;
  });

  for (const count of [2, 10, 300]) {
    test(`${count} receives that wait are served in order`, async (a, b) => {
      const waits = range(1, count).map(() => b.recvFDAsync());
      await turns();
      const sent = sendMany(a, count);
      const tags = [];
      for (const wait of waits) tags.push(...tagsOf([await wait]));
      assert.deepEqual(tags, range(1, count));
      await sent;
      assertWorks(a, b);
    });
  }

  test('receives that wait, and fewer messages than they are', (a, b) =>
    withTags(range(1, 3), async (...files) => {
      const waits = range(1, 5).map(() => observe(b.recvFDAsync()));
      await turns();
      a.sendFDs(files);
      for (const [i, wait] of waits.slice(0, 3).entries())
        assert.deepEqual(tagsOf([await wait.promise]), [i + 1]);
      await turns();
      assert.deepEqual(
        waits.map(({ state }) => state),
        [...Array(3).fill('fulfilled'), 'pending', 'pending'],
      );
      b.destroy();
      for (const { promise } of waits.slice(3)) {
        await assertRejects(promise, [SyscallError, 'EBADF', { syscall: 'recvmsg' }]);
      }
    }));

  test('receives that wait, and bad messages among good ones: each has one', (a, b) =>
    withTags([1, 2], async (one, two) => {
      const waits = range(1, 6).map(() => observe(b.recvFDAsync()));
      await turns();
      a.sendFD(one as number);
      for (let i = 0; i < 2; i++) sendRaw(a.fd, 1, [0, 0]);
      a.sendFD(two as number);
      a.shutdown();
      assert.deepEqual(tagsOf([(await waits[0]?.promise) as number]), [1]);
      for (const i of [1, 2]) await assertRejects(waits[i]?.promise as Promise<number>, TRUNCATED);
      assert.deepEqual(tagsOf([(await waits[3]?.promise) as number]), [2]);
      for (const i of [4, 5]) await assertRejects(waits[i]?.promise as Promise<number>, ENDED);
      assert.notEqual(
        await waits[4]?.promise.catch((error) => error),
        await waits[5]?.promise.catch((error) => error),
        'each has an error of its own',
      );
    }));

  test('receives that wait, and a signal whose own code destroys the endpoint in between', async (a, b) => {
    const { signal } = new AbortController();
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      b.destroy();
      remove(...args);
    };
    const waits = [b.recvFDAsync({ signal }), b.recvFDAsync(), b.recvFDAsync()] as const;
    await turns();
    a.sendFDs(Array(3).fill(0));
    for (const wait of waits) closeFD(await wait);
    assert.equal(b.fd, -1);
  });
});

/** What a peer that is gone has left. */
function restOf(endpoint: Endpoint): number[] {
  const tags: number[] = [];
  try {
    for (;;) tags.push(...tagsOf(endpoint.recvFDs()));
  } catch (error) {
    assert.equal((error as ChannelError).code, 'ERR_FDCHANNEL_ENDED');
  }
  return tags;
}

for (const framing of FRAMINGS) {
  suite(`the system calls of waits, ${framing}`, (test) => {
    test('a wake serves all that wait by one call', () =>
      withEnds(framing, (a, b) =>
        withTags(range(1, 40), async (...files) => {
          await countingCalls(async (calls) => {
            const waits = files.map(() => b.recvFDAsync());
            await turns();
            a.sendFDs(files);
            const fds = await Promise.all(waits);
            assert.deepEqual(tagsOf(fds), range(1, 40));
            assert.deepEqual(calls, [
              { name: 'sendmmsg', asked: 40, result: 40 },
              { name: 'recvmmsg', asked: 40, result: 40 },
            ]);
          });
        }),
      ));

    test('a single wait is served by recvmsg', () =>
      withEnds(framing, (a, b) =>
        countingCalls(async (calls) => {
          const wait = b.recvFDAsync();
          await turns();
          a.sendFD(0);
          closeFD(await wait);
          assert.deepEqual(calls, []);
        }),
      ));
  });
}
