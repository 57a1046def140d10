import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import type { Framing } from '../../src/abi/abi.ts';
import { closeFD } from '../../src/index.ts';
import type { LoopPoll } from '../../src/libc/binding.ts';
import { libc } from '../../src/libc/calls.ts';
import { shutdown, socketpair } from '../../src/libc/sockets.ts';
import { guardedPoll } from '../../src/loop/guarded-poll.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { FRAMINGS, sendRaw, statusFlags } from '../support/raw.ts';
import { assertRefused } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { turns } from '../support/waits.ts';

const { POLLIN: READABLE, POLLOUT: WRITABLE } = libc().abi;

interface Scene {
  readonly polled: number;
  readonly peer: number;
  readonly poll: LoopPoll;
  /** What was reported since the last look, each once. */
  taken(): string[];
  closeEarly(fd: number): void;
}

async function scene(
  framing: Framing,
  events: number,
  body: (scene: Scene) => Promise<unknown>,
): Promise<void> {
  const [polled, peer] = socketpair(libc(), framing);
  const open = new Set([polled, peer]);
  const reports: string[] = [];
  const poll = guardedPoll(libc(), polled, events, (status, seen) => {
    reports.push(`${status}${seen & READABLE ? ' readable' : ''}${seen & WRITABLE ? ' writable' : ''}`);
  });
  assert.ok(poll, 'this Node has what it needs');
  const closeEarly = (fd: number): void => {
    open.delete(fd);
    libc().close(fd);
  };
  try {
    await body({ polled, peer, poll, closeEarly, taken: () => [...new Set(reports.splice(0))] });
  } finally {
    poll.close();
    for (const fd of open) libc().close(fd);
    await turns();
  }
}

/** Where Node keeps the methods of its streams. */
function streamPrototype(): object {
  const [number, other] = socketpair(libc(), 'stream');
  closeFD(other);
  const socket = new Socket({ fd: number });
  let owner: object = Reflect.get(socket, '_handle');
  while (!Object.hasOwn(owner, 'useUserBuffer')) owner = Object.getPrototypeOf(owner);
  socket.destroy();
  return owner;
}

/** Polls with each of the methods exchanged, and makes sure that nothing is left open. */
async function failing(
  target: object,
  methods: readonly string[],
  replacement: unknown,
  body: (poll: () => unknown) => void,
): Promise<void> {
  const [polled, peer] = socketpair(libc(), 'stream');
  await turns();
  const before = openDescriptors();
  for (const method of methods) {
    const own = Object.getOwnPropertyDescriptor(target, method);
    Object.defineProperty(target, method, { configurable: true, writable: true, value: replacement });
    try {
      body(() => guardedPoll(libc(), polled, READABLE, () => {}));
    } finally {
      if (own) Object.defineProperty(target, method, own);
      else Reflect.deleteProperty(target, method);
    }
    await turns();
    assert.deepEqual(openDescriptors(), before, method);
  }
  for (const fd of [polled, peer]) closeFD(fd);
}

/** What src/guarded-poll.ts relies on in Node, and Node's documentation does not promise. */
suite('a poll that Node itself guards', (test) => {
  for (const framing of FRAMINGS) {
    test(`reports what is there, again in each turn, and takes nothing, ${framing}`, () =>
      scene(framing, READABLE, async ({ polled, peer, taken }) => {
        await turns();
        assert.deepEqual(taken(), []);
        const flags = statusFlags(polled);
        sendRaw(peer, 1);
        for (let i = 0; i < 3; i++) {
          await turns();
          assert.deepEqual(taken(), ['0 readable']);
        }
        assert.equal(statusFlags(polled), flags);
      }));

    test(`start replaces the events, stop ends them, ${framing}`, () =>
      scene(framing, READABLE, async ({ peer, poll, taken }) => {
        sendRaw(peer, 1);
        poll.start(WRITABLE);
        await turns();
        assert.deepEqual(taken(), ['0 writable']);
        poll.start(READABLE | WRITABLE);
        await turns();
        assert.deepEqual(taken(), ['0 readable writable']);
        poll.stop();
        await turns();
        assert.deepEqual(taken(), []);
        poll.start(READABLE);
        await turns();
        assert.deepEqual(taken(), ['0 readable']);
        poll.close();
        await turns();
        assert.deepEqual(taken(), []);
      }));

    test(`a peer that is gone, a shutdown and a reset are each an event, ${framing}`, async () => {
      for (const events of [READABLE, WRITABLE]) {
        for (const unread of [0, 1]) {
          await scene(framing, events, async ({ polled, peer, closeEarly, taken }) => {
            sendRaw(polled, unread);
            closeEarly(peer);
            await turns();
            assert.deepEqual(taken(), [events === READABLE ? '0 readable' : '0 writable']);
          });
        }
        await scene(framing, events, async ({ peer, taken }) => {
          shutdown(libc(), peer);
          await turns();
          assert.deepEqual(taken(), [events === READABLE ? '0 readable' : '0 writable']);
        });
      }
    });
  }

  test('what is no socket is refused, and nothing is left open', () =>
    withDescriptors([temporaryFile()], async (file) => {
      const before = openDescriptors();
      assertRefused(() => guardedPoll(libc(), file, READABLE, () => {}), [Error, 'ENOTSOCK']);
      assertRefused(() => guardedPoll(libc(), 2 ** 31 - 1, READABLE, () => {}), [Error, 'EBADF']);
      await turns();
      assert.deepEqual(openDescriptors(), before);
    }));

  test('a Node without such a stream has no such poll, and nothing is left open', () =>
    failing(streamPrototype(), ['useUserBuffer', 'readStop'], undefined, (poll) =>
      assert.equal(poll(), undefined),
    ));

  test('a failure half-way leaves nothing open', () => {
    const fail = (): never => {
      throw new Error('half-way');
    };
    return failing(libc(), ['duplicate', 'check'], fail, (poll) => assert.throws(poll, /half-way/));
  });

  for (const scenario of ['unref', 'stop', 'close', 'unref, start']) {
    test(`after ${scenario} it keeps no process alive`, async () => {
      const { code, signal, stderr } = await startFixture('async-poll.ts', { args: [scenario, 'guarded'] })
        .exit;
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    });
  }

  test('after ref it does', async () => {
    const { code, stdout } = await startFixture('async-poll.ts', { args: ['unref, ref', 'guarded'] }).exit;
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'alive\n' });
  });
});
