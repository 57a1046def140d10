import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { FRAMINGS, type Refusal, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { identity, isOpen, openDescriptors, sameFile } from '../support/descriptors.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import {
  assertNoListener,
  assertRejects,
  drain,
  observe,
  RECEIVE_CLOSED,
  recvTag,
  SEND_CLOSED,
  sendTag,
  tagged,
  tagOf,
  turns,
} from './waits.ts';

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

type Begin = (own: Endpoint, signal?: AbortSignal, file?: number) => Promise<unknown>;

/** Both ways to wait for good: nothing comes, and there is no room. */
const waits: [what: string, begin: Begin, closed: Refusal][] = [
  ['a receive', (own, signal) => own.recvFDAsync({ signal }), RECEIVE_CLOSED],
  ['a send', (own, signal, file = 0) => own.sendFDAsync(file, { signal }), SEND_CLOSED],
];

/** How many descriptors of a file this process has. */
function copiesOf(fd: number): number {
  const one = identity(fd);
  return [...openDescriptors().values()].filter((other) => sameFile(one, other)).length;
}

for (const framing of FRAMINGS) {
  suite(`a signal whose addEventListener throws, ${framing}`, (test) => {
    test('refuses the receive, which takes nothing that comes later', () =>
      withChannel(framing, async (a, b) => {
        const { signal } = throwing('addEventListener');
        await assertRejects(b.recvFDAsync({ signal }), MINE);
        await turns();
        sendTag(a, 1);
        await turns();
        const received = observe(recvTag(b));
        await turns();
        assert.equal(received.state, 'fulfilled', 'what came was still there');
        assert.equal(await received.promise, 1);
      }));

    test('refuses one of several receives, and the others go on in order', () =>
      withChannel(framing, async (a, b) => {
        const { signal } = throwing('addEventListener');
        const received = [observe(recvTag(b))];
        await assertRejects(b.recvFDAsync({ signal }), MINE);
        received.push(observe(recvTag(b)));
        for (const tag of [1, 2]) sendTag(a, tag);
        await turns();
        const states = received.map(({ state }) => state);
        assert.deepEqual(states, ['fulfilled', 'fulfilled']);
        assert.deepEqual(await Promise.all(received.map(({ promise }) => promise)), [1, 2]);
      }));

    test('refuses the send, which sends nothing later and keeps no duplicate', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([tagged(1), tagged(2)], async (filling, fd) => {
          const full = fill(a, filling as number);
          const { signal } = throwing('addEventListener');
          await assertRejects(a.sendFDAsync(fd as number, { signal }), MINE);
          assert.equal(copiesOf(fd as number), 1);
          assert.deepEqual(drain(b), Array(full).fill(1));
          await turns();
          assert.deepEqual(drain(b), []);
        }),
      ));
  });

  suite(`a signal whose removeEventListener throws, ${framing}`, (test) => {
    test('loses no descriptor, and keeps no other wait from its own', () =>
      withChannel(framing, async (a, b) => {
        const { signal } = throwing('removeEventListener');
        const received = [recvTag(b, signal), recvTag(b), recvTag(b, signal), recvTag(b)];
        await turns();
        for (const tag of [1, 2, 3, 4]) sendTag(a, tag);
        assert.deepEqual(await Promise.all(received), [1, 2, 3, 4]);
      }));

    test('keeps no send from being done, and no duplicate open', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const full = fill(a, fd);
          const { signal } = throwing('removeEventListener');
          const sent = [a.sendFDAsync(fd, { signal }), a.sendFDAsync(fd), a.sendFDAsync(fd, { signal })];
          assert.equal(copiesOf(fd), 4);
          for (let i = 0; i < full + 3; i++) tagOf(await b.recvFDAsync());
          await Promise.all(sent);
          assert.equal(copiesOf(fd), 1);
        }),
      ));

    test('still ends the wait with its reason', () =>
      withChannel(framing, async (a, b) => {
        const controller = throwing('removeEventListener');
        const wait = observe(b.recvFDAsync({ signal: controller.signal }));
        controller.abort(mine());
        await assertRejects(wait.promise, MINE);
        sendTag(a, 1);
        assert.equal(await recvTag(b), 1);
      }));

    for (const [way, giveUp] of [
      ['destroy', (endpoint: Endpoint) => endpoint.destroy()],
      ['detach', (endpoint: Endpoint) => closeFD(endpoint.detach())],
    ] as const) {
      test(`${way} closes the socket and rejects every wait`, () =>
        withChannel(framing, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(a, fd);
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

  suite(`a signal that hides its abort, ${framing}`, (test) => {
    for (const [what, begin, refusal] of waits) {
      test(`by an earlier listener that stops the event: ${what} ends all the same`, () =>
        withChannel(framing, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(a, fd);
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
        withChannel(framing, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(a, fd);
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

      test(`destroying the endpoint while it is listened to: ${what} is refused`, () =>
        withChannel(framing, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(a, fd);
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
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            b.sendFD(fd);
            const controller = new AbortController();
            let reads = 0;
            const options = {
              get signal(): AbortSignal {
                reads++;
                controller.abort(mine());
                return controller.signal;
              },
            };
            await assertRejects(
              what === 'a send' ? a.sendFDAsync(fd, options) : a.recvFDAsync(options),
              MINE,
            );
            assert.equal(reads, 1);
            assert.deepEqual([drain(a).length, drain(b).length], [1, 0]);
            assertNoListener(controller.signal);
          }),
        ));
    }

    test('in the getter of what is sent: the send is refused with its reason, and sends nothing', () =>
      withChannel(framing, async (a, b) => {
        const controller = new AbortController();
        const source = {
          get fd(): number {
            controller.abort(mine());
            return 0;
          },
        };
        await assertRejects(a.sendFDAsync(source, { signal: controller.signal }), MINE);
        assert.deepEqual(drain(b), []);
      }));
  });

  suite(`a signal of a subclass, ${framing}`, (test) => {
    class OwnSignal extends AbortSignal {}
    const own = (): AbortController => {
      const controller = new AbortController();
      Object.setPrototypeOf(controller.signal, OwnSignal.prototype);
      return controller;
    };

    for (const [what, begin] of waits) {
      test(`ends ${what}`, () =>
        withChannel(framing, (a) =>
          withDescriptors([temporaryFile()], async (fd) => {
            fill(a, fd);
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
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            b.sendFD(fd);
            const signal = Object.create(AbortSignal.prototype) as AbortSignal;
            await assertRejects(begin(a, signal), [TypeError, 'ERR_INVALID_THIS']);
            assert.deepEqual([drain(a).length, drain(b).length], [1, 0]);
          }),
        ));
    }
  });
}
