import assert from 'node:assert/strict';
import { type Operation, Queue, Wait, type Waiting } from '../../src/socket/wait.ts';
import { suite } from '../support/suite.ts';

const OPERATION: Operation = { direction: 'in', syscall: 'recvmsg' };
const RECEIVE: Waiting = { attempt: () => undefined };
const ACCEPT: Waiting = { attempt: () => undefined };

/** A queue with as many waits as there are calls, and what it has told its owner. */
function queueOf(...calls: Waiting[]): { queue: Queue; waits: Wait[]; left: () => number } {
  let left = 0;
  const queue = new Queue({ left: () => left++ });
  const nothing = (): void => {};
  const waits = calls.map((call) => new Wait(OPERATION, call, undefined, nothing, nothing));
  for (const wait of waits) queue.add(wait);
  return { queue, waits, left: () => left };
}

/** The numbers of the waits that stand in a queue, read in both directions. */
function standing(queue: Queue, waits: readonly Wait[]): number[] {
  const order: Wait[] = [];
  for (let wait = queue.first; wait; wait = wait.behind) order.push(wait);
  const back: Wait[] = [];
  for (let wait = order.at(-1); wait; wait = wait.before) back.push(wait);
  assert.deepEqual(back.reverse(), order);
  return order.map((wait) => waits.indexOf(wait));
}

suite('a queue of waits', (test) => {
  test('keeps the order in which they came, whichever leaves', () => {
    const orders = [0, 1, 2].flatMap((a) => [0, 1, 2].map((b) => [a, b])).filter(([a, b]) => a !== b);
    for (const [first, second] of orders as [number, number][]) {
      const { queue, waits, left } = queueOf(RECEIVE, RECEIVE, RECEIVE);
      const here = new Set([0, 1, 2]);
      for (const [index, leaver] of [first, second].entries()) {
        waits[leaver]?.end();
        here.delete(leaver);
        assert.deepEqual(standing(queue, waits), [...here]);
        assert.equal(left(), index + 1);
      }
      waits[first]?.end();
      assert.equal(left(), 2, 'it had left');
      queue.add(waits[first] as Wait);
      assert.deepEqual(standing(queue, waits), [...here, first]);
      for (const wait of waits) wait.end();
      assert.equal(queue.first, undefined);
    }
  });

  test('a wait that is over holds none of the others', () => {
    const { waits } = queueOf(RECEIVE, RECEIVE, RECEIVE);
    waits[1]?.end();
    assert.deepEqual(
      [waits[1]?.before, waits[1]?.behind, waits[1]?.queue],
      [undefined, undefined, undefined],
    );
  });

  test('counts those at its head that wait for the same, up to a number', () => {
    const { queue } = queueOf(RECEIVE, RECEIVE, RECEIVE, ACCEPT, RECEIVE);
    assert.equal(queue.runLength(RECEIVE, 10), 3);
    assert.equal(queue.runLength(RECEIVE, 2), 2);
    assert.equal(queue.runLength(ACCEPT, 10), 0);
    assert.equal(queueOf().queue.runLength(RECEIVE, 10), 0);
  });
});
