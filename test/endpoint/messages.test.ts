import assert from 'node:assert/strict';
import { closeFD, type Endpoint, SyscallError } from '../../src/index.ts';
import { FRAMINGS, withChannel } from '../support/channel.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

interface Told {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
}

/** Makes sure that a call, or its promise, ends with an error of Node's own shape. @returns its message */
async function messageOf(call: () => unknown, told: Told): Promise<string> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof SyscallError, String(error));
    const { code, errno, syscall } = error;
    assert.deepEqual({ code, errno, syscall }, told);
    return error.message;
  }
  assert.fail('nothing was thrown');
}

/** Every method, and the system call that its error names. */
const methods: [name: string, syscall: string, call: (own: Endpoint) => unknown][] = [
  ['sendFD', 'sendmsg', (own) => own.sendFD(0)],
  ['sendFD with a timeout', 'sendmsg', (own) => own.sendFD(0, { timeout: 0 })],
  ['trySendFD', 'sendmsg', (own) => own.trySendFD(0)],
  ['sendFDAsync', 'sendmsg', (own) => own.sendFDAsync(0)],
  ['recvFD', 'recvmsg', (own) => own.recvFD()],
  ['recvFD with a timeout', 'recvmsg', (own) => own.recvFD({ timeout: 0 })],
  ['recvFDNonblock', 'recvmsg', (own) => own.recvFDNonblock()],
  ['tryRecvFD', 'recvmsg', (own) => own.tryRecvFD()],
  ['recvFDAsync', 'recvmsg', (own) => own.recvFDAsync()],
  ['iteration', 'recvmsg', (own) => own[Symbol.asyncIterator]().next()],
  ['descriptors', 'recvmsg', (own) => own.descriptors().next()],
  ['shutdown', 'shutdown', (own) => own.shutdown()],
  ['detach', 'detach', (own) => own.detach()],
  ['ref', 'ref', (own) => own.ref()],
  ['unref', 'unref', (own) => own.unref()],
];

const endings: [past: string, end: (own: Endpoint) => void][] = [
  ['destroyed', (own) => own.destroy()],
  ['detached', (own) => closeFD(own.detach())],
];

for (const framing of FRAMINGS) {
  suite(`what errors say, ${framing}`, (test) => {
    for (const timeout of [0, 1, 20]) {
      test(`a receive that came to nothing, after how many milliseconds: ${timeout}`, () =>
        withChannel(framing, async (own) => {
          const told = { code: 'ETIMEDOUT', errno: -110, syscall: 'recvmsg' };
          const message = await messageOf(() => own.recvFD({ timeout }), told);
          assert.match(message, /^ETIMEDOUT: connection timed out, recvmsg\b/);
          assert.match(message, new RegExp(`\\bwithin ${timeout} ms\\b`));
        }));

      test(`a send for which there was no room, after how many milliseconds: ${timeout}`, () =>
        withChannel(framing, async (own) => {
          fill(own, 0);
          const told = { code: 'ETIMEDOUT', errno: -110, syscall: 'sendmsg' };
          const message = await messageOf(() => own.sendFD(0, { timeout }), told);
          assert.match(message, /^ETIMEDOUT: connection timed out, sendmsg\b/);
          assert.match(message, new RegExp(`\\bwithin ${timeout} ms\\b`));
        }));
    }

    for (const [past, end] of endings) {
      for (const [name, syscall, call] of methods) {
        test(`${name} of an endpoint that was ${past}: that it was`, () =>
          withChannel(framing, async (own) => {
            end(own);
            const message = await messageOf(() => call(own), { code: 'EBADF', errno: -9, syscall });
            assert.ok(message.startsWith(`EBADF: bad file descriptor, ${syscall}`), message);
            assert.ok(message.includes(past), message);
          }));
      }

      test(`what waited when it was ${past}: that it was`, () =>
        withChannel(framing, async (own) => {
          fill(own, 0);
          const received = messageOf(() => own.recvFDAsync(), {
            code: 'EBADF',
            errno: -9,
            syscall: 'recvmsg',
          });
          const sent = messageOf(() => own.sendFDAsync(0), { code: 'EBADF', errno: -9, syscall: 'sendmsg' });
          end(own);
          for (const message of await Promise.all([received, sent])) {
            assert.ok(message.startsWith('EBADF: bad file descriptor, '), message);
            assert.ok(message.includes(past), message);
          }
        }));
    }

    test('a socket that somebody else has closed: nothing of that', () =>
      withChannel(framing, async (own) => {
        closeFD(own.fd);
        const told = { code: 'EBADF', errno: -9, syscall: 'recvmsg' };
        assert.equal(await messageOf(() => own.recvFD(), told), 'EBADF: bad file descriptor, recvmsg');
        assert.throws(() => own.destroy(), { code: 'EBADF' });
      }));
  });
}
