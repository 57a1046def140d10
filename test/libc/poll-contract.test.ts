import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import type { Framing } from '../../src/abi/abi.ts';
import type { LoopPoll, LoopPollCallback } from '../../src/libc/binding.ts';
import { libc } from '../../src/libc/calls.ts';
import { pollOnLoop, redirect } from '../../src/libc/polls.ts';
import { shutdown, socketpair } from '../../src/libc/sockets.ts';
import { startFixture } from '../support/processes.ts';
import { FRAMINGS, sendRaw, statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';
import { turns } from '../support/waits.ts';

/**
 * What src/readiness.ts relies on in koffi.node.poll, and koffi's documentation does not promise. An update of
 * koffi that changes any of it fails here, by name.
 */

const { POLLIN: READABLE, POLLOUT: WRITABLE } = libc().abi;

/** What a poll has reported. */
class Log {
  readonly entries: unknown[][] = [];
  readonly note: LoopPollCallback = (...all) => void this.entries.push(all);

  /** The statuses and events since the last look, each once. */
  take(): string[] {
    const seen = this.entries.map(([status, events]) => {
      const bits = events as number;
      return `${status}${bits & READABLE ? ' readable' : ''}${bits & WRITABLE ? ' writable' : ''}`;
    });
    this.entries.length = 0;
    return [...new Set(seen)];
  }
}

interface Scene {
  readonly polled: number;
  readonly peer: number;
  /** A number that is polled in the place of another, what it is, and the peer of that. */
  readonly placeholder: number;
  readonly copy: number;
  readonly other: number;
  readonly log: Log;
  poll(fd: number, events: number): LoopPoll;
  closeEarly(fd: number): void;
}

/** Runs the body with sockets of its own, and closes its polls before the sockets. */
async function scene(type: Framing, body: (scene: Scene) => unknown): Promise<void> {
  const [polled, peer] = socketpair(libc(), type);
  const [placeholder, other] = socketpair(libc(), 'stream');
  const copy = libc().duplicate(placeholder);
  const open = new Set([polled, peer, placeholder, copy, other]);
  const polls: LoopPoll[] = [];
  const log = new Log();
  const poll = (fd: number, events: number): LoopPoll => {
    const made = pollOnLoop(libc(), fd, events, log.note);
    polls.push(made);
    return made;
  };
  const closeEarly = (fd: number): void => {
    open.delete(fd);
    libc().close(fd);
  };
  try {
    await body({ polled, peer, placeholder, copy, other, log, poll, closeEarly });
  } finally {
    for (const each of polls) each.close();
    for (const fd of open) libc().close(fd);
  }
}

suite('koffi.node.poll, undocumented', (test) => {
  for (const framing of FRAMINGS) {
    test(`calls back with a status and the events, on a ${framing} socket`, () =>
      scene(framing, async ({ polled, peer, log, poll }) => {
        poll(polled, READABLE);
        await turns();
        assert.deepEqual(log.take(), []);
        sendRaw(peer, 1);
        await turns();
        assert.deepEqual(log.entries[0], [0, READABLE]);
      }));

    test(`reports once a turn for as long as there is something, on a ${framing} socket`, () =>
      scene(framing, async ({ polled, peer, log, poll }) => {
        poll(polled, READABLE);
        sendRaw(peer, 1);
        await turns(5);
        const { length } = log.entries;
        assert.ok(length >= 3 && length <= 6, `${length} times in 5 turns`);
      }));

    test(`start with other events replaces the events, on a ${framing} socket`, () =>
      scene(framing, async ({ polled, peer, log, poll }) => {
        const handle = poll(polled, READABLE);
        sendRaw(peer, 1);
        handle.start(WRITABLE);
        await turns();
        assert.deepEqual(log.take(), ['0 writable']);
        handle.start(READABLE | WRITABLE);
        await turns();
        assert.deepEqual(log.take(), ['0 readable writable']);
        handle.start(READABLE);
        await turns();
        assert.deepEqual(log.take(), ['0 readable']);
      }));

    test(`stop ends the events, and start after it goes on, on a ${framing} socket`, () =>
      scene(framing, async ({ polled, log, poll }) => {
        const handle = poll(polled, WRITABLE);
        handle.stop();
        await turns();
        assert.deepEqual(log.take(), []);
        handle.stop();
        handle.start(WRITABLE);
        await turns();
        assert.deepEqual(log.take(), ['0 writable']);
      }));

    test(`no event comes after close, nor in the turn of an event, on a ${framing} socket`, () =>
      scene(framing, async ({ polled, peer, log, poll }) => {
        const handle = poll(polled, WRITABLE);
        handle.close();
        let calls = 0;
        const inside = pollOnLoop(libc(), peer, WRITABLE, () => {
          calls++;
          inside.close();
        });
        await turns();
        assert.deepEqual([log.take(), calls], [[], 1]);
      }));

    test(`a second close does nothing, on a ${framing} socket`, () =>
      scene(framing, ({ polled, poll }) => {
        poll(polled, READABLE).close();
      }));
  }

  test('a number can be polled again in the turn in which its poll was closed', () =>
    scene('seqpacket', async ({ polled, peer, log, poll }) => {
      poll(polled, WRITABLE).close();
      const again = poll(polled, WRITABLE);
      await turns();
      assert.deepEqual(log.take(), ['0 writable']);
      again.close();
      sendRaw(peer, 1);
      await turns();
      assert.deepEqual(log.take(), []);
    }));

  for (const framing of FRAMINGS) {
    test(`it does not look at the number before the loop turns: dup3 to a ${framing} socket is followed`, () =>
      scene(framing, async ({ polled, peer, placeholder, other, log, poll }) => {
        poll(placeholder, READABLE);
        redirect(libc(), placeholder, polled);
        sendRaw(other, 1);
        await turns();
        assert.deepEqual(log.take(), [], 'what the number was at the call is not polled');
        sendRaw(peer, 1);
        await turns();
        assert.deepEqual(log.take(), ['0 readable']);
      }));

    test(`it sets O_NONBLOCK on what the number is at the call, and never again, on a ${framing} socket`, () =>
      scene(framing, async ({ polled, placeholder, copy, log, poll }) => {
        const before = statusFlags(polled);
        assert.equal(before & constants.O_NONBLOCK, 0);
        const handle = poll(placeholder, WRITABLE);
        assert.equal(statusFlags(copy) & constants.O_NONBLOCK, constants.O_NONBLOCK);
        redirect(libc(), placeholder, polled);
        await turns();
        for (const events of [READABLE, WRITABLE]) {
          handle.start(events);
          await turns();
          assert.equal(statusFlags(polled), before);
        }
        handle.stop();
        log.take();
        handle.start(WRITABLE);
        await turns();
        assert.deepEqual(log.take(), ['0 writable']);
        assert.equal(statusFlags(polled), before);
      }));
  }

  test('a socket error comes as status -9 without an event and stops the poll, and start after it goes on', () =>
    scene('stream', async ({ polled, peer, log, poll, closeEarly }) => {
      const handle = poll(polled, READABLE);
      await turns();
      sendRaw(polled, 1);
      closeEarly(peer);
      await turns();
      assert.deepEqual(log.entries, [[-9, 0]]);
      log.take();
      // Nobody has asked the socket for its error, so it is still there.
      handle.start(READABLE);
      await turns();
      assert.deepEqual(log.take(), ['-9']);
    }));

  test('a peer that is gone, or a shutdown, is an event of whatever was asked for', async () => {
    for (const framing of FRAMINGS) {
      for (const events of [READABLE, WRITABLE]) {
        await scene(framing, async ({ polled, peer, log, poll }) => {
          poll(polled, events);
          shutdown(libc(), peer);
          await turns();
          assert.deepEqual(log.take(), [events === READABLE ? '0 readable' : '0 writable']);
        });
      }
    }
  });
});

suite("koffi.node.poll, undocumented, and the loop's life", (test) => {
  for (const scenario of ['unref', 'stop', 'close', 'unref, start']) {
    test(`after ${scenario} it keeps no process alive`, async () => {
      const { code, signal, stderr } = await startFixture('async-poll.ts', { args: [scenario] }).exit;
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    });
  }

  test('after ref it does', async () => {
    const { code, stdout } = await startFixture('async-poll.ts', { args: ['unref, ref'] }).exit;
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'alive\n' });
  });

  test('with an immediate, what its callback resolves runs before the next event', async () => {
    const { code, stdout } = await startFixture('async-poll.ts', { args: ['promise'] }).exit;
    const turn = 'event, promise, promise';
    assert.deepEqual({ code, stdout }, { code: 0, stdout: `${turn}, ${turn}, event\n` });
  });

  test('a poll that only its own callback refers to is not collected', async () => {
    const fixture = startFixture('async-poll.ts', { args: ['collect'], execArgv: ['--expose-gc'] });
    const { code, stdout } = await fixture.exit;
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'woke, gc function\n' });
  });

  test("in a worker it is on the worker's loop", async () => {
    const { next, exit } = await startWorker('async-poll.ts', 'own loop');
    assert.equal(await next(), 'woke 0 true');
    assert.equal(await exit, 0);
  });
});
