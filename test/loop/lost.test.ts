import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { closeFD } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { isOpen, openDescriptors } from '../support/descriptors.ts';
import { COMBINATIONS, IN, OUT, type Scene, until, withSet } from '../support/loop.ts';
import { sendRaw } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** Begins to watch a socket. @returns the number of the duplicate */
function duplicateOf(begin: () => void): number {
  const before = openDescriptors();
  begin();
  const made = [...openDescriptors().keys()].filter((fd) => !before.has(fd));
  assert.equal(made.length, 1);
  return made[0] as number;
}

/** Has the set made, and whatever else is made once. */
async function begun({ pair, watch, settled }: Scene): Promise<void> {
  watch(pair()[0]).registration.want(IN);
  await settled();
}

/** What becomes of a socket whose private duplicate somebody else has closed. */
for (const combination of COMBINATIONS) {
  suite(`a duplicate that somebody else has closed, ${combination}`, (test) => {
    test('who waits for it is told of what comes, or that it failed', () =>
      withSet(combination, async (scene) => {
        await begun(scene);
        const [own, peer] = scene.pair();
        const watched = scene.watch(own);
        closeFD(duplicateOf(() => watched.registration.want(IN)));
        sendRaw(peer, 1);
        await until(() => watched.told.includes(IN) || watched.failed.length > 0);
      }));

    test('it is closed, and the others go on', () =>
      withSet(combination, async (scene) => {
        await begun(scene);
        const [own, peer] = scene.pair();
        const [other, otherPeer] = scene.pair();
        const lost = scene.watch(own);
        const watched = scene.watch(other);
        watched.registration.want(IN);
        closeFD(duplicateOf(() => lost.registration.want(IN)));
        lost.registration.close();
        // The socket itself is open, and ready: a set that still looked at it would never rest.
        sendRaw(peer, 1);
        sendRaw(otherPeer, 1);
        await until(() => watched.told.includes(IN));
        lost.taken();
        await scene.settled();
        assert.deepEqual(lost.told, []);
      }));

    test('it wants otherwise: an error, and the next time a right answer', () =>
      withSet(combination, async (scene) => {
        await begun(scene);
        const [own, peer] = scene.pair();
        const watched = scene.watch(own);
        closeFD(duplicateOf(() => watched.registration.want(IN)));
        try {
          watched.registration.want(IN | OUT);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'EBADF');
          watched.registration.want(IN | OUT);
        }
        sendRaw(peer, 1);
        await until(() => watched.told.some((events) => (events & IN) !== 0));
        assert.deepEqual(watched.failed, []);
      }));

    test('its number is that of another socket by now: both are told', () =>
      withSet(combination, async (scene) => {
        await begun(scene);
        const [first, firstPeer] = scene.pair();
        const [second, secondPeer] = scene.pair();
        const [one, two] = [scene.watch(first), scene.watch(second)];
        const number = duplicateOf(() => one.registration.want(IN));
        closeFD(number);
        two.registration.want(IN);
        assert.ok(isOpen(number), 'the number is used again');
        sendRaw(firstPeer, 1);
        sendRaw(secondPeer, 1);
        await until(() => one.told.includes(IN) && two.told.includes(IN));
        one.registration.close();
        assert.ok(isOpen(number), 'and is the other one’s');
        two.taken();
        await scene.settled();
        assert.deepEqual(two.taken(), [IN]);
      }));

    // To poll(2), a file is as good as a socket.
    if (combination !== 'poll+thread') {
      test('its number is a file by now: the file is left alone', () =>
        withSet(combination, async (scene) => {
          await begun(scene);
          const [own, peer] = scene.pair();
          const watched = scene.watch(own);
          const number = duplicateOf(() => watched.registration.want(IN));
          closeFD(number);
          const file = openSync(import.meta.filename, 'r');
          assert.equal(file, number);
          assert.throws(() => watched.registration.want(IN | OUT), { code: 'EPERM', syscall: 'epoll_ctl' });
          sendRaw(peer, 1);
          await until(() => watched.told.includes(IN));
          watched.registration.close();
          assert.ok(isOpen(file));
          closeSync(file);
        }));
    }
  });
}

suite('what cannot be watched', (test) => {
  for (const combination of COMBINATIONS) {
    test(`a number that is not open: EBADF, and nothing is left, ${combination}`, () =>
      withSet(combination, async (scene) => {
        await begun(scene);
        const before = openDescriptors();
        const watched = scene.watch(2 ** 31 - 1);
        for (let i = 0; i < 2; i++)
          assert.throws(() => watched.registration.want(IN), {
            name: 'SyscallError',
            code: 'EBADF',
            syscall: 'fcntl',
          });
        await scene.settled();
        assert.deepEqual(openDescriptors(), before);
      }));
  }

  const before: Record<string, (scene: Scene) => unknown> = {
    'the first of a set': () => {},
    'one of several': begun,
  };
  for (const [which, prepare] of Object.entries(before)) {
    for (const code of ['ENOSPC', 'ENOMEM']) {
      test(`${which}, when the kernel has no room: ${code}, nothing is left, and later there is`, () =>
        withSet('epoll+stream', async (scene) => {
          await prepare(scene);
          const [own, peer] = scene.pair();
          const watched = scene.watch(own);
          const open = openDescriptors();
          withoutRoom(code, () =>
            assert.throws(() => watched.registration.want(IN), {
              name: 'SyscallError',
              code,
              syscall: 'epoll_ctl',
            }),
          );
          await turn();
          assert.deepEqual(openDescriptors(), open);
          watched.registration.want(IN);
          sendRaw(peer, 1);
          await until(() => watched.told.includes(IN));
        }));
    }
  }
});

/** epoll_ctl(2) as it is beyond fs.epoll.max_user_watches, or without memory. */
function withoutRoom(code: string, body: () => void): void {
  const { raw } = libc();
  const { epoll_ctl, errno, errnos } = raw;
  Object.assign(raw, { epoll_ctl: () => -1, errno: () => errnos[code] });
  try {
    body();
  } finally {
    Object.assign(raw, { epoll_ctl, errno });
  }
}
