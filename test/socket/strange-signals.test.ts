import assert from 'node:assert/strict';
import { drain, recvTag, sendTag, withChannel } from '../support/channel.ts';
import { identity, isOpen, openDescriptors, sameFile } from '../support/descriptors.ts';
import { waysOut } from '../support/endings.ts';
import { type End, PASSERS } from '../support/ends.ts';
import { tagged, tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { assertRejects, RECEIVE_CLOSED, type Refusal, SEND_CLOSED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { assertNoListener, observe, turns } from '../support/waits.ts';

const MINE: Refusal = [RangeError, 'ERR_MINE'];
const mine = (): RangeError => Object.assign(new RangeError('mine'), { code: 'ERR_MINE' });

type Method = 'addEventListener' | 'removeEventListener';

/** A signal with a method of the caller's own. */
function withMethod(method: Method, own: (this: AbortSignal, ...args: never[]) => void): AbortController {
  const controller = new AbortController();
  Object.defineProperty(controller.signal, method, { value: own });
  return controller;
}

const throwing = (method: Method): AbortController =>
  withMethod(method, () => {
    throw mine();
  });

type Begin = (own: End, signal?: AbortSignal, file?: number) => Promise<unknown>;

/** Both ways to wait for good: nothing comes, and there is no room. */
const waits: [what: string, begin: Begin, closed: Refusal][] = [
  ['a receive', (own, signal) => own.receiveAsync({ signal }), RECEIVE_CLOSED],
  ['a send', (own, signal, file = 0) => own.sendAsync(file, { signal }), SEND_CLOSED],
];

/** How many descriptors of a file this process has. */
function copiesOf(fd: number): number {
  const one = identity(fd);
  return [...openDescriptors().values()].filter((other) => sameFile(one, other)).length;
}

for (const kind of PASSERS) {
  suite(`a signal whose addEventListener throws, ${kind.name}`, (test) => {
    test('refuses the receive, which takes nothing that comes later', () =>
      withChannel(kind, async (a, b) => {
        const { signal } = throwing('addEventListener');
        await assertRejects(b.receiveAsync({ signal }), MINE);
        await turns();
        sendTag(a, 1);
        await turns();
        const received = observe(recvTag(b));
        await turns();
        assert.equal(received.state, 'fulfilled', 'what came was still there');
        assert.equal(await received.promise, 1);
      }));

    test('refuses one of several receives, and the others go on in order', () =>
      withChannel(kind, async (a, b) => {
        const { signal } = throwing('addEventListener');
        const received = [observe(recvTag(b))];
        await assertRejects(b.receiveAsync({ signal }), MINE);
        received.push(observe(recvTag(b)));
        for (const tag of [1, 2]) sendTag(a, tag);
        await turns();
        const states = received.map(({ state }) => state);
        assert.deepEqual(states, ['fulfilled', 'fulfilled']);
        assert.deepEqual(await Promise.all(received.map(({ promise }) => promise)), [1, 2]);
      }));

    test('refuses the send, which sends nothing later and keeps no duplicate', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([tagged(1), tagged(2)], async (filling, fd) => {
          const full = kind.fill(a, filling as number);
          const { signal } = throwing('addEventListener');
          await assertRejects(a.sendAsync(fd as number, { signal }), MINE);
          assert.equal(copiesOf(fd as number), 1);
          assert.deepEqual(drain(b), Array(full).fill(1));
          await turns();
          assert.deepEqual(drain(b), []);
        }),
      ));
  });

  suite(`a signal whose removeEventListener throws, ${kind.name}`, (test) => {
    test('loses no descriptor, and keeps no other wait from its own', () =>
      withChannel(kind, async (a, b) => {
        const { signal } = throwing('removeEventListener');
        const received = [recvTag(b, signal), recvTag(b), recvTag(b, signal), recvTag(b)];
        await turns();
        for (const tag of [1, 2, 3, 4]) sendTag(a, tag);
        assert.deepEqual(await Promise.all(received), [1, 2, 3, 4]);
      }));

    test('keeps no send from being done, and no duplicate open', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const full = kind.fill(a, fd);
          const { signal } = throwing('removeEventListener');
          const sent = [a.sendAsync(fd, { signal }), a.sendAsync(fd), a.sendAsync(fd, { signal })];
          assert.equal(copiesOf(fd), 4);
          for (let i = 0; i < full + 3; i++) tagOf(await b.receiveAsync());
          await Promise.all(sent);
          assert.equal(copiesOf(fd), 1);
        }),
      ));

    test('still ends the wait with its reason', () =>
      withChannel(kind, async (a, b) => {
        const controller = throwing('removeEventListener');
        const wait = observe(b.receiveAsync({ signal: controller.signal }));
        controller.abort(mine());
        await assertRejects(wait.promise, MINE);
        sendTag(a, 1);
        assert.equal(await recvTag(b), 1);
      }));

    for (const [way, giveUp] of waysOut) {
      test(`${way} closes the socket and rejects every wait`, () =>
        withChannel(kind, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            kind.fill(a, fd);
            const sockfd = a.fd;
            const { signal } = throwing('removeEventListener');
            const all = waits.flatMap(([what, begin, refusal]) =>
              [signal, undefined, signal].map((given) => assertRejects(begin(a, given, fd), refusal, what)),
            );
            await turns();
            giveUp(a);
            assert.equal(a.fd, -1);
            assert.equal(isOpen(sockfd), false);
            assert.equal(copiesOf(fd), 1, 'the duplicates of the sends are closed');
            await Promise.all(all);
          }),
        ));
    }
  });

  suite(`a signal that hides its abort, ${kind.name}`, (test) => {
    for (const [what, begin, refusal] of waits) {
      test(`by an earlier listener that stops the event: ${what} ends all the same`, () =>
        withChannel(kind, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            kind.fill(a, fd);
            const controller = new AbortController();
            controller.signal.addEventListener('abort', (event) => event.stopImmediatePropagation());
            const all = [begin(a, controller.signal), begin(a, controller.signal)].map(observe);
            await turns();
            controller.abort(mine());
            await turns();
            for (const { state, promise } of all) {
              assert.equal(state, 'rejected');
              await assertRejects(promise, MINE);
            }
          }),
        ));

      test(`by aborting while it is listened to: ${what} ends all the same`, () =>
        withChannel(kind, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            kind.fill(a, fd);
            const controller = withMethod('addEventListener', function (...args: never[]) {
              controller.abort(mine());
              Reflect.apply(EventTarget.prototype.addEventListener, this, args);
            });
            const wait = observe(begin(a, controller.signal));
            await turns();
            assert.equal(wait.state, 'rejected');
            await assertRejects(wait.promise, MINE);
          }),
        ));

      test(`destroying the end while it is listened to: ${what} is refused`, () =>
        withChannel(kind, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            kind.fill(a, fd);
            const sockfd = a.fd;
            const { signal } = withMethod('addEventListener', function (...args: never[]) {
              a.destroy();
              Reflect.apply(EventTarget.prototype.addEventListener, this, args);
            });
            await assertRejects(begin(a, signal, fd), refusal);
            assert.equal(isOpen(sockfd), false);
            assert.equal(copiesOf(fd), 1);
          }),
        ));

      test(`in the getter of the option: ${what} is refused with its reason, and does nothing`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            b.send(fd);
            const controller = new AbortController();
            let reads = 0;
            const options = {
              get signal(): AbortSignal {
                reads++;
                controller.abort(mine());
                return controller.signal;
              },
            };
            await assertRejects(what === 'a send' ? a.sendAsync(fd, options) : a.receiveAsync(options), MINE);
            assert.equal(reads, 1);
            assert.deepEqual([drain(a).length, drain(b).length], [1, 0]);
            assertNoListener(controller.signal);
          }),
        ));
    }

    test('in the getter of what is sent: the send is refused with its reason, and sends nothing', () =>
      withChannel(kind, async (a, b) => {
        const controller = new AbortController();
        const source = {
          get fd(): number {
            controller.abort(mine());
            return 0;
          },
        };
        await assertRejects(a.sendAsync(source, { signal: controller.signal }), MINE);
        assert.deepEqual(drain(b), []);
      }));
  });

  suite(`a signal of a subclass, ${kind.name}`, (test) => {
    class OwnSignal extends AbortSignal {}
    const own = (): AbortController => {
      const controller = new AbortController();
      Object.setPrototypeOf(controller.signal, OwnSignal.prototype);
      return controller;
    };

    for (const [what, begin] of waits) {
      test(`ends ${what}`, () =>
        withChannel(kind, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            kind.fill(a, fd);
            const controller = own();
            const { signal } = controller;
            assert.equal(Object.getPrototypeOf(signal), OwnSignal.prototype);
            const wait = observe(begin(a, signal));
            await turns();
            assert.equal(wait.state, 'pending');
            controller.abort(mine());
            await assertRejects(wait.promise, MINE);
            assertNoListener(signal);
          }),
        ));

      test(`that is none refuses ${what}`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            b.send(fd);
            const signal = Object.create(AbortSignal.prototype) as AbortSignal;
            await assertRejects(begin(a, signal), [TypeError, 'ERR_INVALID_THIS']);
            assert.deepEqual([drain(a).length, drain(b).length], [1, 0]);
          }),
        ));
    }
  });
}
