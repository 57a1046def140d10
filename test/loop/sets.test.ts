import assert from 'node:assert/strict';
import { libc } from '../../src/libc/calls.ts';
import { epollCreate } from '../../src/libc/polls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { EpollSet } from '../../src/loop/epoll-set.ts';
import type { SocketSet } from '../../src/loop/parts.ts';
import { PollSet } from '../../src/loop/poll-set.ts';
import { PrivateDescriptors } from '../../src/loop/private-descriptors.ts';
import { withDescriptors } from '../support/files.ts';
import { IN, OUT } from '../support/loop.ts';
import { sendRaw } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** More than one question names. */
const MANY = 150;

const sets: Record<string, (body: (set: SocketSet) => unknown) => Promise<void>> = {
  'epoll(7)': (body) => withDescriptors([epollCreate(libc())], (fd) => body(new EpollSet(libc(), fd))),
  async 'poll(2)'(body) {
    const set = new PollSet(libc(), new PrivateDescriptors(libc()));
    try {
      await body(set);
    } finally {
      set.close();
    }
  },
};

/** The keys of what is ready, with the events. */
function answers(set: SocketSet): [key: number, events: number][] {
  return Array.from({ length: set.ask() }, (_, index) => [set.keyAt(index), set.eventsAt(index)]);
}

for (const [name, withSet] of Object.entries(sets)) {
  suite(`a set of ${name}`, (test) => {
    const withPairs = (
      count: number,
      body: (set: SocketSet, pairs: [own: number, peer: number][]) => unknown,
    ) =>
      withSet((set) => {
        const pairs = Array.from({ length: count }, () => socketpair(libc(), 'seqpacket'));
        return withDescriptors(pairs.flat(), () => body(set, pairs));
      });

    test('names what is ready by its key, whatever the key', () =>
      withPairs(3, (set, pairs) => {
        const keys = [1, 2 ** 31 + 1, 2 ** 40 + 7];
        for (const [index, [own]] of pairs.entries()) set.add(own, keys[index] as number, OUT);
        assert.deepEqual(
          answers(set).sort(([a], [b]) => a - b),
          keys.map((key) => [key, OUT]),
        );
        assert.deepEqual(answers(set).length, 3, 'and again');
      }));

    test('names nothing that is not ready, not looked for, or removed', () =>
      withPairs(4, (set, pairs) => {
        for (const [key, [fd]] of pairs.entries()) set.add(fd, key, IN);
        assert.deepEqual(answers(set), []);
        const own = (index: number): number => (pairs[index] as [number, number])[0];
        for (const [, peer] of pairs) sendRaw(peer, 1);
        set.remove(own(0), 0);
        set.change(own(1), 1, OUT);
        set.remove(own(3), 3);
        assert.deepEqual(
          answers(set).sort(([a], [b]) => a - b),
          [
            [1, OUT],
            [2, IN],
          ],
        );
        set.remove(own(2), 2);
        assert.deepEqual(answers(set), [[1, OUT]]);
        set.add(own(0), 9, IN | OUT);
        assert.deepEqual(
          answers(set).sort(([a], [b]) => a - b),
          [
            [1, OUT],
            [9, IN | OUT],
          ],
        );
      }));

    test('names all of many in turn', () =>
      withPairs(MANY, (set, pairs) => {
        for (const [key, [own]] of pairs.entries()) set.add(own, key, OUT);
        const named = Array<number>(MANY).fill(0);
        for (let asked = 0; asked < 30; asked++) {
          for (const [key] of answers(set)) named[key] = (named[key] as number) + 1;
          assert.ok(Math.max(...named) - Math.min(...named) <= 1, `${named}`);
        }
        assert.ok(Math.min(...named) > 5, `${named}`);
        // Every third goes, in another order than it came.
        for (let key = MANY - 1; key >= 0; key -= 3) set.remove((pairs[key] as [number, number])[0], key);
        const left = new Set<number>();
        for (let asked = 0; asked < 10; asked++) for (const [key] of answers(set)) left.add(key);
        assert.deepEqual(
          [...left].sort((a, b) => a - b),
          pairs.map((_, key) => key).filter((key) => (MANY - 1 - key) % 3 !== 0),
        );
      }));
  });
}

suite('an array for poll(2)', (test) => {
  test('is interrupted once until it is asked, which tells of nothing else', () =>
    (sets['poll(2)'] as (typeof sets)[string])(async (set) => {
      const { array, interrupt } = set as PollSet;
      assert.equal(array.count, 1);
      for (let i = 0; i < 3; i++) {
        assert.equal(libc().poll(array.fdAt(0), IN, 0), 0);
        for (let j = 0; j < 3; j++) interrupt.call(set);
        assert.equal(libc().poll(array.fdAt(0), IN, 0), IN);
        assert.deepEqual(answers(set), []);
      }
    }));
});
