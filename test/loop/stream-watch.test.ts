import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { UnsupportedPlatformError } from '../../src/errors.ts';
import { libc } from '../../src/libc/calls.ts';
import { placeholder, redirect } from '../../src/libc/polls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { StreamWatch } from '../../src/loop/stream-watch.ts';
import { isOpen, openDescriptors } from '../support/descriptors.ts';
import { withDescriptors } from '../support/files.ts';
import { IN, register, ThreadSet, until } from '../support/loop.ts';
import { sendRaw, statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

interface Scene {
  readonly watch: StreamWatch;
  readonly own: number;
  readonly peer: number;
  served(): number;
}

/** A stream of Node's that watches a socket. */
async function watching(body: (scene: Scene) => unknown): Promise<void> {
  await withDescriptors(socketpair(libc(), 'seqpacket'), async (own, peer) => {
    let served = 0;
    const watch = StreamWatch.open(libc(), () => {
      served++;
    });
    assert.ok(watch, 'this Node has what it needs');
    try {
      redirect(libc(), watch.fd, own as number);
      watch.start();
      await body({ watch, own: own as number, peer: peer as number, served: () => served });
    } finally {
      watch.close();
      await turn();
    }
  });
}

async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** What src/loop/stream-watch.ts relies on in Node, and Node's documentation does not promise. */
suite("a stream of Node's that does not read", (test) => {
  test('useUserBuffer without room, readStart: onread is called once in each turn, and nothing is taken', () =>
    watching(async ({ own, peer, served }) => {
      await turns();
      assert.equal(served(), 0);
      sendRaw(peer, 1);
      await turns(10);
      assert.ok(served() >= 8 && served() <= 11, `${served()} times in 10 turns`);
      assert.equal(libc().poll(own, IN, 0), IN);
    }));

  test('readStart looks at what the number refers to by then', () =>
    withDescriptors(socketpair(libc(), 'seqpacket'), (own, peer) =>
      watching(async ({ watch, peer: before, served }) => {
        redirect(libc(), watch.fd, own as number);
        sendRaw(before, 1);
        await turns();
        assert.equal(served(), 0);
        sendRaw(peer as number, 1);
        await turns();
        assert.ok(served() > 0);
      }),
    ));

  test('new Socket sets O_NONBLOCK on what the number is at the call, and nothing does later', () =>
    watching(async ({ watch, own, peer }) => {
      sendRaw(peer, 1);
      await turns();
      watch.keepAlive(true);
      watch.keepAlive(false);
      await turns();
      assert.equal(statusFlags(own) & constants.O_NONBLOCK, 0);
      assert.equal(statusFlags(watch.fd) & constants.O_NONBLOCK, 0);
    }));

  test('onread is a callback of Node’s own: promises run behind it, before the next', () =>
    withDescriptors(socketpair(libc(), 'seqpacket'), async (own, peer) => {
      const order: string[] = [];
      const watch = StreamWatch.open(libc(), () => {
        order.push('event');
        Promise.resolve()
          .then(() => order.push('promise'))
          .then(() => order.push('promise'));
      }) as StreamWatch;
      redirect(libc(), watch.fd, own as number);
      watch.start();
      sendRaw(peer as number, 1);
      await until(() => order.length >= 10);
      watch.close();
      const rounds = order.join(' ').split('event').slice(1, 4);
      assert.deepEqual(rounds, Array(3).fill(' promise promise '));
    }));

  test('close closes the number at once, and no event comes after it', () =>
    watching(async ({ watch, peer, served }) => {
      sendRaw(peer, 1);
      await turns();
      watch.close();
      assert.ok(!isOpen(watch.fd));
      const before = served();
      await turns();
      assert.equal(served(), before);
    }));
});

/** Where Node keeps the methods of its streams. */
function streamPrototype(): object {
  const socket = new Socket({ fd: placeholder(libc()) });
  let owner: object = Reflect.get(socket, '_handle');
  while (!Object.hasOwn(owner, 'useUserBuffer')) owner = Object.getPrototypeOf(owner);
  socket.destroy();
  return owner;
}

/** Runs the body where Node's streams lack a method. */
async function without(method: string, body: () => unknown): Promise<void> {
  const prototype = streamPrototype();
  const owned = Object.getOwnPropertyDescriptor(prototype, method);
  Object.defineProperty(prototype, method, { configurable: true, writable: true, value: undefined });
  try {
    await body();
  } finally {
    if (owned) Object.defineProperty(prototype, method, owned);
    else Reflect.deleteProperty(prototype, method);
  }
}

suite('a Node whose streams lack a method', (test) => {
  for (const method of ['useUserBuffer', 'readStart', 'readStop', 'ref', 'unref']) {
    test(`${method}: there is no such stream, and nothing is left open`, async () => {
      await turns();
      const before = openDescriptors();
      await without(method, () => {
        assert.equal(
          StreamWatch.open(libc(), () => {}),
          undefined,
        );
      });
      await turns();
      assert.deepEqual(openDescriptors(), before);
    });
  }

  test('a helper thread looks instead, and what is forced is refused', () =>
    withDescriptors(socketpair(libc(), 'seqpacket'), (own, peer) =>
      without('useUserBuffer', async () => {
        const threads: Worker[] = [];
        const note = (worker: Worker): void => void threads.push(worker);
        process.on('worker', note);
        const set = new ThreadSet(libc());
        const { registration, told } = register(set, own as number);
        registration.want(IN);
        sendRaw(peer as number, 1);
        await until(() => told.length > 0);
        registration.close();
        set.close();
        process.off('worker', note);
        assert.equal(threads.length, 1);
        const forced = new ThreadSet(libc(), 'epoll+stream');
        const refused = register(forced, own as number);
        assert.throws(() => refused.registration.want(IN), UnsupportedPlatformError);
      }),
    ));
});

suite('a set that cannot be made', (test) => {
  for (const call of ['socketpair', 'epoll_create1', 'dup3', 'fcntl'] as const) {
    test(`${call} fails: EMFILE, nothing is left open, and the next time it is made`, () =>
      withDescriptors(socketpair(libc(), 'seqpacket'), async (own, peer) => {
        const { raw } = libc();
        const { errno } = raw;
        const original = raw[call];
        const set = new ThreadSet(libc(), 'epoll+stream');
        const { registration, told } = register(set, own as number);
        await turns();
        const before = openDescriptors();
        Object.assign(raw, { [call]: () => -1, errno: () => raw.errnos['EMFILE'] });
        try {
          assert.throws(() => registration.want(IN), { name: 'SyscallError', code: 'EMFILE', syscall: call });
        } finally {
          Object.assign(raw, { [call]: original, errno });
        }
        await turns();
        assert.deepEqual(openDescriptors(), before);
        registration.want(IN);
        sendRaw(peer as number, 1);
        await until(() => told.length > 0);
        registration.close();
        set.close();
        await turns();
        assert.deepEqual(openDescriptors(), before);
      }));
  }
});

suite('the environment variable', (test) => {
  test('a value that is no combination is refused by name', () => {
    const { FDCHANNEL_LOOP } = process.env;
    process.env['FDCHANNEL_LOOP'] = 'poll+stream';
    try {
      assert.throws(() => new ThreadSet(libc()), {
        code: 'ERR_INVALID_ARG_VALUE',
        message:
          '"FDCHANNEL_LOOP": expected one of epoll+stream, epoll+thread, poll+thread, ' +
          "got the string 'poll+stream'",
      });
    } finally {
      if (FDCHANNEL_LOOP === undefined) delete process.env['FDCHANNEL_LOOP'];
      else process.env['FDCHANNEL_LOOP'] = FDCHANNEL_LOOP;
    }
  });
});
