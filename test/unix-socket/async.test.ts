import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { UnixSocket } from '../../src/index.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { isOpen, openDescriptors } from '../support/descriptors.ts';
import { statusFlags } from '../support/raw.ts';
import {
  assertMessage,
  CONNECTED,
  drain,
  fillWithData,
  TYPES,
  withFiles,
  withPair,
} from '../support/sockets.ts';
import { suite } from '../support/suite.ts';

for (const type of TYPES) {
  suite(`messages on the event loop, ${type}`, (test) => {
    test('receives that wait are served first come, first served', () =>
      withPair(type, async (a, b) => {
        const order: string[] = [];
        const receives = Array.from({ length: 5 }, async (_, i) => {
          const message = await b.recvMessageAsync({ maxBytes: 1 });
          order.push(`${i}${message?.data}`);
        });
        for (const data of 'abcde') a.sendMessage(data);
        await Promise.all(receives);
        assert.deepEqual(order, ['0a', '1b', '2c', '3d', '4e']);
      }));

    test('two receives that wait are served by two sends, however the sends come', () =>
      withPair(type, async (a, b) =>
        withFiles(2, async ([x = -1, y = -1]) => {
          const [first, second] = [b.recvMessageAsync({ maxBytes: 1 }), b.recvMessageAsync()];
          await turn();
          a.sendMessage('1', [x]);
          assertMessage(await first, { data: '1', files: [x] });
          a.sendMessage('2', [y]);
          assertMessage(await second, { data: '2', files: [y] });
        }),
      ));

    test('each receive gets what it asked for', () =>
      withPair(type, async (a, b) =>
        withFiles(2, async (files) => {
          const memory = new Uint8Array(10);
          const receives = [
            b.recvMessageAsync({ maxBytes: 2, maxFds: 1 }),
            b.recvMessageAsync({ into: memory }),
          ];
          a.sendMessage('ab', files);
          a.sendMessage('cd', files);
          assertMessage(await (receives[0] as Promise<never>), {
            data: 'ab',
            files: files.slice(0, 1),
            controlTruncated: true,
          });
          const second = await receives[1];
          assert.equal(second?.data.buffer, memory.buffer);
          assertMessage(second, { data: 'cd', files });
        }),
      ));

    test('a receive that was aborted has taken nothing, and the next gets what comes', () =>
      withPair(type, async (a, b) =>
        withFiles(1, async (files) => {
          const controller = new AbortController();
          const { signal } = controller;
          const aborted = [b.recvMessageAsync({ signal }), b.recvMessageAsync({ signal })];
          const next = b.recvMessageAsync();
          const reason = { not: 'an error' };
          controller.abort(reason);
          for (const one of aborted) await assert.rejects(one, (error) => error === reason);
          a.sendMessage('x', files);
          assertMessage(await next, { data: 'x', files });
        }),
      ));

    test('a signal that has aborted: nothing is sent, and nothing is taken', () =>
      withPair(type, async (a, b) => {
        const signal = AbortSignal.abort();
        await assert.rejects(a.sendMessageAsync('x', [], { signal }), { name: 'AbortError' });
        assert.equal(b.tryRecvMessage(), undefined);
        a.sendMessage('y');
        await assert.rejects(b.recvMessageAsync({ signal }), { name: 'AbortError' });
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'y' });
      }));

    test('sends that wait go first come, first served, with the descriptors of their time', () =>
      withPair(type, async (a, b) => {
        fillWithData(a);
        const sent: number[] = [];
        const sends = Array.from({ length: 4 }, async (_, i) => {
          const file = openSync('/dev/null', 'r');
          const promise = a.sendMessageAsync(`${i}`, [file]);
          // The message holds a duplicate, and the number may be anything now.
          closeSync(file);
          assert.equal(await promise, 1);
          sent.push(i);
        });
        const received: string[] = [];
        while (received.length < 4) {
          const message = await b.recvMessageAsync({ maxBytes: 1024 });
          for (const fd of message?.fds ?? []) {
            received.push(`${message?.data.toString('latin1').replaceAll('\0', '')}`);
            closeSync(fd);
          }
        }
        await Promise.all(sends);
        assert.deepEqual(sent, [0, 1, 2, 3]);
        assert.deepEqual(received, ['0', '1', '2', '3']);
      }));

    test('an aborted send that waits sends nothing, and closes its duplicates', () =>
      withPair(type, async (a, b) => {
        fillWithData(a, 1);
        const before = openDescriptors().size;
        const controller = new AbortController();
        const waits = a.sendMessageAsync('never', [0, 0, 0], { signal: controller.signal });
        assert.ok(openDescriptors().size >= before + 3, 'it holds duplicates');
        const next = a.sendMessageAsync('next');
        controller.abort();
        await assert.rejects(waits, { name: 'AbortError' });
        const all: Buffer[] = [];
        while (!Buffer.concat(all).includes('next'))
          all.push((await b.recvMessageAsync())?.data ?? Buffer.alloc(0));
        assert.equal(await next, 4);
        assert.ok(!Buffer.concat(all).includes('never'));
      }));

    for (const ending of ['destroy', 'detach'] as const) {
      test(`${ending} rejects what waits, which has taken nothing`, () =>
        withPair(type, async (a, b) => {
          const receives = [
            b.recvMessageAsync(),
            b.recvMessageAsync({ signal: new AbortController().signal }),
          ];
          fillWithData(b);
          const send = b.sendMessageAsync('x', [0]);
          const fd = b[ending]();
          for (const one of receives) await assert.rejects(one, { code: 'EBADF', syscall: 'recvmsg' });
          await assert.rejects(send, { code: 'EBADF', syscall: 'sendmsg' });
          if (ending === 'detach') {
            assert.ok(isOpen(fd as number));
            const again = new UnixSocket(fd as number);
            a.sendMessage('still there');
            assertMessage(again.recvMessage(WITHIN_SECONDS), { data: 'still there' });
            again.destroy();
          }
        }));
    }

    test('waiting leaves the status flags alone', () =>
      withPair(type, async (a, b) => {
        const flags = statusFlags(b.fd);
        const waits = b.recvMessageAsync();
        await turn();
        assert.equal(statusFlags(b.fd), flags);
        a.sendMessage('x');
        assertMessage(await waits, { data: 'x' });
        assert.equal(statusFlags(b.fd), flags);
      }));

    test('iteration gives each message, and leaving it leaves the socket open with the rest', () =>
      withPair(type, async (a, b) =>
        withFiles(1, async (files) => {
          a.sendMessage('1', files);
          a.sendMessage('2', files);
          a.sendMessage('3', files);
          for await (const message of b.messages({ maxBytes: 1 })) {
            assertMessage(message, { data: '1', files });
            break;
          }
          assertMessage(b.recvMessage({ maxBytes: 1 }), { data: '2', files });
          for await (const message of b) {
            assertMessage(message, { data: '3', files });
            break;
          }
        }),
      ));

    test('iteration takes a signal, which ends it with its reason', () =>
      withPair(type, async (a, b) => {
        const controller = new AbortController();
        a.sendMessage('1');
        const seen: string[] = [];
        await assert.rejects(
          async () => {
            for await (const { data } of b.messages({ signal: controller.signal, maxFds: 0 })) {
              seen.push(`${data}`);
              setImmediate(() => controller.abort());
            }
          },
          { name: 'AbortError' },
        );
        assert.deepEqual(seen, ['1']);
      }));

    test('the loop turns although every call succeeds at once', () =>
      withPair(type, async (a, b) => {
        let turned = false;
        setImmediate(() => {
          turned = true;
        });
        for (let i = 0; i < 1000 && !turned; i++) {
          await a.sendMessageAsync('x');
          await b.recvMessageAsync();
        }
        assert.ok(turned);
      }));

    test('a receive and a send wait at the same time', () =>
      withPair(type, async (a, b) => {
        fillWithData(a);
        const receive = a.recvMessageAsync();
        const send = a.sendMessageAsync('x');
        b.sendMessage('y');
        assertMessage(await receive, { data: 'y' });
        drain(b);
        assert.equal(await send, 1);
      }));
  });
}

for (const type of CONNECTED) {
  suite(`the end on the event loop, ${type}`, (test) => {
    for (const [how, end] of [
      ['the peer is destroyed', (_: UnixSocket, b: UnixSocket) => b.destroy()],
      ['the peer shuts down', (_: UnixSocket, b: UnixSocket) => b.shutdown()],
      ["the peer's write side is shut down", (_: UnixSocket, b: UnixSocket) => b.shutdown('write')],
      ['this end shuts down', (a: UnixSocket) => a.shutdown()],
      ["this end's read side is shut down", (a: UnixSocket) => a.shutdown('read')],
    ] as const) {
      test(`${how}: all receives that wait get null`, () =>
        withPair(type, async (a, b) => {
          const receives = Array.from({ length: 20 }, () => a.recvMessageAsync());
          end(a, b);
          assert.deepEqual(await Promise.all(receives), Array(20).fill(null));
        }));
    }

    for (const [how, end] of [
      ['the peer is destroyed', (_: UnixSocket, b: UnixSocket) => b.destroy()],
      ['the peer shuts down', (_: UnixSocket, b: UnixSocket) => b.shutdown()],
      ['this end shuts down', (a: UnixSocket) => a.shutdown()],
      ["this end's write side is shut down", (a: UnixSocket) => a.shutdown('write')],
    ] as const) {
      test(`${how}: all sends that wait are told`, () =>
        withPair(type, async (a, b) => {
          fillWithData(a);
          const sends = Array.from({ length: 20 }, () => a.sendMessageAsync('x', [0]));
          end(a, b);
          for (const one of sends) await assert.rejects(one, { code: 'ERR_FDCHANNEL_ENDED' });
        }));
    }

    test('iteration ends with the connection', () =>
      withPair(type, async (a, b) => {
        a.sendMessage('1');
        setImmediate(() => a.destroy());
        const seen: string[] = [];
        for await (const { data } of b) seen.push(`${data}`);
        assert.deepEqual(seen, ['1']);
      }));
  });
}
