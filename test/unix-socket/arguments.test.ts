import assert from 'node:assert/strict';
import { UnixListener, UnixSocket } from '../../src/index.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE, NO_DESCRIPTORS, type Refusal } from '../support/refusals.ts';
import { assertMessage, TYPES, withPair } from '../support/sockets.ts';
import { suite } from '../support/suite.ts';

const BAD_VALUE: Refusal = [TypeError, 'ERR_INVALID_ARG_VALUE'];
const GONE: Refusal = [Error, 'EBADF'];

/** Data of the wrong kind. */
const NO_DATA: readonly unknown[] = [
  ...[undefined, null, true, 0, 5, 5n, Symbol('x'), () => 'x', {}],
  ...[new ArrayBuffer(4), new SharedArrayBuffer(4), new DataView(new ArrayBuffer(4)), new Int8Array(4)],
  ...[
    new Uint16Array(4),
    new Uint8ClampedArray(4),
    new String('text'),
    new Set(['a']),
    { length: 1, 0: 'a' },
  ],
  ...[Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(4), {})],
];

const call = {
  sendMessage: (a: UnixSocket, ...args: unknown[]) => Reflect.apply(a.sendMessage, a, args),
  trySendMessage: (a: UnixSocket, ...args: unknown[]) => Reflect.apply(a.trySendMessage, a, args),
  sendMessageAsync: (a: UnixSocket, ...args: unknown[]) => Reflect.apply(a.sendMessageAsync, a, args),
  recvMessage: (a: UnixSocket, ...args: unknown[]) => Reflect.apply(a.recvMessage, a, args),
  tryRecvMessage: (a: UnixSocket, ...args: unknown[]) => Reflect.apply(a.tryRecvMessage, a, args),
  recvMessageAsync: (a: UnixSocket, ...args: unknown[]) => Reflect.apply(a.recvMessageAsync, a, args),
};
type Call = keyof typeof call;
const SENDS: readonly Call[] = ['sendMessage', 'trySendMessage', 'sendMessageAsync'];
const RECEIVES: readonly Call[] = ['recvMessage', 'tryRecvMessage', 'recvMessageAsync'];

/** A call that is refused: thrown, or for an Async form as a rejection. */
async function assertCallRefused(
  a: UnixSocket,
  name: Call,
  args: unknown[],
  refusal: Refusal,
): Promise<void> {
  if (!name.endsWith('Async')) return assertRefused(() => call[name](a, ...args), refusal);
  const promise = call[name](a, ...args);
  assert.ok(promise instanceof Promise, 'an Async form throws nothing');
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  assertRefused(() => {
    if (outcome) throw outcome.error;
  }, refusal);
}

for (const type of TYPES) {
  suite(`arguments of messages, ${type}`, (test) => {
    for (const name of SENDS) {
      test(`${name}: data of the wrong kind is refused, and nothing is sent`, () =>
        withPair(type, async (a, b) => {
          for (const data of NO_DATA) {
            await assertCallRefused(a, name, [data], BAD_TYPE);
            await assertCallRefused(a, name, [['good', data]], BAD_TYPE);
            await assertCallRefused(a, name, [[...Array(20).fill('good'), data], [0]], BAD_TYPE);
          }
          await assertCallRefused(a, name, [[['nested']]], BAD_TYPE);
          await assertCallRefused(a, name, [new Array(3)], BAD_TYPE);
          await assertCallRefused(a, name, [new Array(2 ** 31)], BAD_TYPE);
          assert.equal(b.tryRecvMessage(), undefined);
          a.sendMessage('next');
          assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'next' });
        }));

      test(`${name}: what is no descriptor is refused, by its place, and nothing is sent`, () =>
        withPair(type, async (a, b) => {
          for (const [value, refusal] of NO_DESCRIPTORS) {
            await assertCallRefused(a, name, ['x', [0, value, 0]], refusal);
          }
          for (const sources of [null, 3, 'x', {}, new Set([0]), { length: 1, 0: 0 }, new Int32Array(1)]) {
            await assertCallRefused(a, name, ['x', sources], BAD_TYPE);
          }
          await assertCallRefused(a, name, ['x', new Array(2)], BAD_TYPE);
          await assertCallRefused(a, name, ['x', [0, -1]], [
            ...BAD_RANGE.slice(0, 2),
            { message: '"sources[1]": expected a descriptor (an integer from 0 to 2147483647), got -1' },
          ] as unknown as Refusal);
          assert.equal(b.tryRecvMessage(), undefined);
        }));

      test(`${name}: a descriptor that is not open is the kernel's to refuse, and nothing is sent`, () =>
        withPair(type, async (a, b) => {
          const refusal: Refusal = [Error, 'EBADF', { syscall: 'sendmsg' }];
          await assertCallRefused(a, name, ['x', [0, 2 ** 31 - 1]], refusal);
          await assertCallRefused(a, name, ['x', [1_000_000]], refusal);
          assert.equal(b.tryRecvMessage(), undefined);
        }));

      test(`${name}: data that lies about its length is refused, and no foreign memory is sent`, () =>
        withPair(type, async (a, b) => {
          for (const [length, lie] of [
            [4, 10_000],
            [10_000, 4],
            [10_000, 20_000],
            [10_000, -1],
            [4, Number.NaN],
          ] as const) {
            const data = Object.defineProperty(new Uint8Array(length), 'length', { value: lie });
            await assertCallRefused(a, name, [data, [0]], BAD_VALUE);
            await assertCallRefused(a, name, [['x', data]], BAD_VALUE);
          }
          let asked = 0;
          const changing = Object.defineProperty(new Uint8Array(8), 'length', {
            get: () => (asked++ === 0 ? 8 : 100_000),
          });
          if ((await call[name](a, changing)) !== undefined) {
            assertMessage(b.recvMessage(WITHIN_SECONDS), { data: new Uint8Array(8) });
          }
          assert.equal(b.tryRecvMessage(), undefined);
        }));
    }

    for (const name of RECEIVES) {
      test(`${name}: bad options are refused, and nothing is taken`, () =>
        withPair(type, async (a, b) => {
          a.sendMessage('x', [0]);
          for (const options of [null, 5, 'maxBytes', true])
            await assertCallRefused(b, name, [options], BAD_TYPE);
          for (const key of ['maxBytes', 'maxFds']) {
            for (const value of [null, '5', true, 5n, {}]) {
              await assertCallRefused(b, name, [{ [key]: value }], BAD_TYPE);
            }
            for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
              await assertCallRefused(b, name, [{ [key]: value }], BAD_RANGE);
            }
          }
          await assertCallRefused(b, name, [{ maxBytes: 0 }], BAD_RANGE);
          await assertCallRefused(b, name, [{ maxBytes: 2 ** 30 + 1 }], BAD_RANGE);
          await assertCallRefused(b, name, [{ maxFds: 254 }], BAD_RANGE);
          assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x', files: [0] });
        }));
    }

    for (const name of ['sendMessage', 'recvMessage'] as const) {
      const args = (options: unknown) => (name === 'sendMessage' ? ['x', [], options] : [options]);
      test(`${name}: a timeout is checked, and a signal is no timeout`, () =>
        withPair(type, async (a, b) => {
          for (const timeout of ['5', null, {}, 5n])
            await assertCallRefused(a, name, args({ timeout }), BAD_TYPE);
          for (const timeout of [-1, 0.5, Number.NaN, 2 ** 31]) {
            await assertCallRefused(a, name, args({ timeout }), BAD_RANGE);
          }
          await assertCallRefused(a, name, args({ signal: new AbortController().signal }), BAD_VALUE);
          assert.equal(b.tryRecvMessage(), undefined);
        }));
    }

    for (const name of ['sendMessageAsync', 'recvMessageAsync'] as const) {
      const args = (options: unknown) => (name === 'sendMessageAsync' ? ['x', [], options] : [options]);
      test(`${name}: a signal is checked, and a timeout is no signal`, () =>
        withPair(type, async (a, b) => {
          for (const signal of [null, {}, 5, new EventTarget(), { aborted: false, addEventListener() {} }]) {
            await assertCallRefused(a, name, args({ signal }), BAD_TYPE);
          }
          await assertCallRefused(a, name, args({ timeout: 5 }), BAD_VALUE);
          assert.equal(b.tryRecvMessage(), undefined);
        }));
    }

    test('messages: its options are checked when the first is asked for', () =>
      withPair(type, async (a) => {
        await assert.rejects(a.messages({ maxFds: 254 }).next(), { code: 'ERR_OUT_OF_RANGE' });
        await assert.rejects(a.messages({ timeout: 5 } as never).next(), { code: 'ERR_INVALID_ARG_VALUE' });
      }));

    for (const ending of ['destroy', 'detach'] as const) {
      test(`after ${ending} every call says EBADF, without the kernel`, () =>
        withPair(type, async (a, b) => {
          const fd = a[ending]();
          const state = ending === 'destroy' ? 'destroyed' : 'detached';
          for (const name of [...SENDS, ...RECEIVES]) {
            const syscall = SENDS.includes(name) ? 'sendmsg' : 'recvmsg';
            await assertCallRefused(a, name, SENDS.includes(name) ? ['x', [0]] : [], [
              ...[Error, 'EBADF'],
              { syscall, message: `EBADF: bad file descriptor, ${syscall} (the UnixSocket is ${state})` },
            ] as unknown as Refusal);
          }
          for (const one of [
            () => a.shutdown(),
            () => a.peerCredentials(),
            () => a.peerPidFD(),
            () => a.refuseDescriptors(),
            () => a.detach(),
            () => a.ref(),
            () => a.unref(),
          ]) {
            assertRefused(one, GONE);
          }
          await assert.rejects(a.messages().next(), { code: 'EBADF' });
          assert.equal(a.fd, -1);
          a.destroy();
          a[Symbol.dispose]();
          if (fd !== undefined) new UnixSocket(fd).destroy();
          assert.equal(b.tryRecvMessage(), type === 'dgram' ? undefined : null);
        }));
    }

    for (const name of SENDS) {
      test(`${name}: a getter that destroys the socket`, () =>
        withPair(type, async (a, b) => {
          const source = {
            get fd() {
              a.destroy();
              return 0;
            },
          };
          await assertCallRefused(a, name, ['x', [source]], GONE);
          assert.equal(b.tryRecvMessage(), type === 'dgram' ? undefined : null);
        }));

      test(`${name}: an option that destroys the socket, and one that throws`, () =>
        withPair(type, async (a, b) => {
          const key = name === 'sendMessageAsync' ? 'signal' : 'to';
          const reason = new RangeError('mine', { cause: 1 });
          const throws = {
            get [key]() {
              throw reason;
            },
          };
          const mine: Refusal = [RangeError, undefined as never, { message: 'mine' }];
          await assertCallRefused(a, name, ['x', [0], throws], mine);
          const destroys = {
            get [key]() {
              return void a.destroy();
            },
          };
          await assertCallRefused(a, name, ['x', [0], destroys], GONE);
          assert.equal(b.tryRecvMessage(), type === 'dgram' ? undefined : null);
        }));
    }

    for (const name of RECEIVES) {
      test(`${name}: an option that destroys the socket`, () =>
        withPair(type, async (a, b) => {
          b.sendMessage('x', [0]);
          const options = {
            get maxFds() {
              return void a.destroy();
            },
          };
          await assertCallRefused(a, name, [options], GONE);
        }));
    }
  });
}

suite('an address of a message', (test) => {
  for (const type of ['seqpacket', 'stream'] as const) {
    for (const name of SENDS) {
      test(`${name}: a socket of type ${type} has a peer, and takes none`, () =>
        withPair(type, async (a, b) => {
          await assertCallRefused(a, name, ['x', [], { to: '/somewhere' }], BAD_VALUE);
          assert.equal(b.tryRecvMessage(), undefined);
        }));
    }
  }
  for (const name of SENDS) {
    test(`${name}: what is none is refused`, () =>
      withPair('dgram', async (a) => {
        for (const to of [null, 5, {}, Buffer.from('/x'), ['/x']]) {
          await assertCallRefused(a, name, ['x', [], { to }], BAD_TYPE);
        }
        for (const to of ['', '/a\0b']) await assertCallRefused(a, name, ['x', [], { to }], BAD_VALUE);
        await assertCallRefused(
          a,
          name,
          ['x', [], { to: `/${'x'.repeat(107)}` }],
          [Error, 'ENAMETOOLONG', { syscall: 'sendmsg' }],
        );
      }));
  }
});

suite('arguments of sockets', (test) => {
  const types: readonly [unknown, Refusal][] = [
    ['raw', BAD_VALUE],
    ['', BAD_VALUE],
    ['SEQPACKET', BAD_VALUE],
    [null, BAD_TYPE],
    [5, BAD_TYPE],
    [{}, BAD_TYPE],
  ];
  for (const [type, refusal] of types) {
    test(`type ${JSON.stringify(type)} is refused`, async () => {
      assertRefused(() => UnixSocket.pair(type as never), refusal);
      assertRefused(() => UnixSocket.connect('/x', { type: type as never }), refusal);
      await assert.rejects(UnixSocket.connectAsync('/x', { type: type as never }), { code: refusal[1] });
      assertRefused(() => UnixSocket.bind('/x', { type: type as never }), refusal);
      assertRefused(() => UnixListener.listen('/x', { type: type as never }), refusal);
    });
  }

  test('bind takes datagrams, and listen takes connections', () => {
    for (const type of ['stream', 'seqpacket', undefined]) {
      assert.throws(() => UnixSocket.bind('/x', { type } as never), /"options\.type": expected 'dgram'/);
    }
    assert.throws(() => Reflect.apply(UnixSocket.bind, UnixSocket, ['/x']), { code: BAD_TYPE[1] });
    assertRefused(() => UnixListener.listen('/x', { type: 'dgram' as never }), BAD_VALUE);
  });

  for (const options of [null, 5, 'x']) {
    test(`options ${options} are refused`, async () => {
      assertRefused(() => UnixSocket.connect('/x', options as never), BAD_TYPE);
      await assert.rejects(UnixSocket.connectAsync('/x', options as never), { code: BAD_TYPE[1] });
      assertRefused(() => UnixSocket.bind('/x', options as never), BAD_TYPE);
      assertRefused(() => UnixListener.listen('/x', options as never), BAD_TYPE);
    });
  }

  test('timeouts and signals of connect', async () => {
    assertRefused(() => UnixSocket.connect('/x', { timeout: -1 }), BAD_RANGE);
    assertRefused(() => UnixSocket.connect('/x', { signal: AbortSignal.abort() } as never), BAD_VALUE);
    await assert.rejects(UnixSocket.connectAsync('/x', { timeout: 1 } as never), { code: BAD_VALUE[1] });
    await assert.rejects(UnixSocket.connectAsync('/x', { signal: 5 as never }), { code: BAD_TYPE[1] });
    await assert.rejects(
      UnixSocket.connectAsync('/x', { signal: AbortSignal.abort('why') }),
      (error) => error === 'why',
    );
  });

  const bindings: readonly [object, Refusal][] = [
    [{ mode: '600' }, BAD_TYPE],
    [{ mode: null }, BAD_TYPE],
    [{ mode: -1 }, BAD_RANGE],
    [{ mode: 0o1000 }, BAD_RANGE],
    [{ mode: 0.5 }, BAD_RANGE],
    [{ replace: 1 }, BAD_TYPE],
    [{ replace: null }, BAD_TYPE],
    [{ replace: 'yes' }, BAD_TYPE],
  ];
  for (const [options, refusal] of bindings) {
    test(`${JSON.stringify(options)} is refused`, () => {
      assertRefused(() => UnixSocket.bind('/x', { type: 'dgram', ...options }), refusal);
      assertRefused(() => UnixListener.listen('/x', options), refusal);
    });
  }
  for (const [backlog, refusal] of [
    ['5', BAD_TYPE],
    [null, BAD_TYPE],
    [-1, BAD_RANGE],
    [1.5, BAD_RANGE],
    [2 ** 31, BAD_RANGE],
  ] as const) {
    test(`backlog ${backlog} is refused`, () =>
      assertRefused(() => UnixListener.listen('/x', { backlog: backlog as never }), refusal));
  }
});
