import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, fstatSync, readSync, writeSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { runInNewContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { isOpen } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { pipe } from '../support/pipes.ts';
import { startProcess } from '../support/processes.ts';
import { assertRefused, BAD_RANGE, BAD_TYPE } from '../support/refusals.ts';
import {
  assertMessage,
  CONNECTED,
  gathered,
  PACKETS,
  pattern,
  TYPES,
  withFiles,
  withPair,
} from '../support/sockets.ts';
import { suite } from '../support/suite.ts';

const COUNTS = [1, 2, 3, 4, 5, 6, 10, 98, 99, 252, 253];

function shared(length: number): Uint8Array {
  const view = new Uint8Array(new SharedArrayBuffer(length + 8), 8, length);
  view.set(pattern(length));
  return view;
}

const large = pattern(40_000);

/** Data of every kind, with the bytes that it stands for. */
const kinds: readonly [
  kind: string,
  data: string | Uint8Array | (string | Uint8Array)[],
  bytes: Uint8Array,
][] = [
  ['a text', 'text', Buffer.from('text')],
  ['a text beyond ASCII', 'größer als 𝄞', Buffer.from('größer als 𝄞')],
  ['half a surrogate pair', 'a\ud800', Buffer.from('a\ufffd')],
  ['a Buffer', Buffer.from([0, 1, 2]), Buffer.from([0, 1, 2])],
  ['a Uint8Array', new Uint8Array([255, 0]), Buffer.from([255, 0])],
  ['a Uint8Array of another realm', runInNewContext('new Uint8Array([7, 8])'), Buffer.from([7, 8])],
  ['a part of a larger array', new Uint8Array([9, 8, 7, 6]).subarray(1, 3), Buffer.from([8, 7])],
  ['4096 bytes, which are copied', large.subarray(1, 4097), large.subarray(1, 4097)],
  ['4097 bytes, which are not', large.subarray(1, 4098), large.subarray(1, 4098)],
  ['a large part of a larger array', large.subarray(3, 33_333), large.subarray(3, 33_333)],
  ['shared memory', shared(20), pattern(20)],
  ['large shared memory', shared(30_001), pattern(30_001)],
  ['memory of a resizable buffer', resizable(10), pattern(10)],
  ['large memory of a resizable buffer', resizable(10_000), pattern(10_000)],
  ['memory of WebAssembly', webAssembly(9_000), pattern(9_000)],
  ['several', ['a', Buffer.from('b'), new Uint8Array([99])], Buffer.from('abc')],
  ['one in an array', [large], large],
  ['nothing among others', ['', 'a', new Uint8Array(0), 'b', ''], Buffer.from('ab')],
  ['small and large ones', ['x', large, 'y'], Buffer.concat([Buffer.from('x'), large, Buffer.from('y')])],
  [
    'two of 3000 bytes, of which one is copied',
    [large.subarray(0, 3000), large.subarray(3000, 6000)],
    large.subarray(0, 6000),
  ],
  ['the same one twice', [large, large], Buffer.concat([large, large])],
  [
    '16',
    Array.from({ length: 16 }, (_, i) => `${i},`),
    Buffer.from('0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,'),
  ],
  ['17', Array(17).fill('ab'), Buffer.from('ab'.repeat(17))],
  ['1000 large ones', Array.from({ length: 1000 }, (_, i) => large.subarray(40 * i, 40 * i + 40)), large],
];

function resizable(length: number): Uint8Array {
  const buffer = Reflect.construct(ArrayBuffer, [length, { maxByteLength: 2 * length }]);
  const view = new Uint8Array(buffer);
  view.set(pattern(length));
  return view;
}

function webAssembly(length: number): Uint8Array {
  // Node's types leave it out.
  const { Memory } = Reflect.get(globalThis, 'WebAssembly');
  const memory: { buffer: ArrayBuffer } = new Memory({ initial: 1 });
  const view = new Uint8Array(memory.buffer, 3, length);
  view.set(pattern(length));
  return view;
}

for (const type of TYPES) {
  suite(`messages, ${type}`, (test) => {
    for (const [kind, data, bytes] of kinds) {
      test(`data: ${kind}`, () =>
        withPair(type, async (a, b) => {
          await withDescriptors([temporaryFile()], async (file) => {
            assert.equal(a.sendMessage(data, [file as number]), bytes.length);
            assertMessage(gathered(b, bytes.length), {
              data: bytes,
              files: [file as number],
            });
            assert.equal(await a.sendMessageAsync(data), bytes.length);
            assertMessage(await b.recvMessageAsync({ maxBytes: 100_000 }), { data: bytes });
            assert.equal(a.trySendMessage(data), bytes.length);
            assertMessage(b.tryRecvMessage({ maxBytes: 100_000 }), { data: bytes });
          });
          assert.equal(b.tryRecvMessage(), undefined);
        }));
    }

    for (const count of COUNTS) {
      test(`${count} descriptors in one message, in order, and each once`, () =>
        withPair(type, (a, b) =>
          withFiles(count, async (files) => {
            assert.equal(a.sendMessage('x', files), 1);
            assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x', files });
            await a.sendMessageAsync('y', files);
            assertMessage(await b.recvMessageAsync({ maxFds: count }), { data: 'y', files });
            assert.equal(a.trySendMessage('z', files), 1);
            assertMessage(b.tryRecvMessage({ maxFds: count }), { data: 'z', files });
            assert.equal(b.tryRecvMessage(), undefined);
          }),
        ));
    }

    test('254 descriptors are refused before the kernel is asked, and the next message arrives', () =>
      withPair(type, async (a, b) => {
        const many = Array(254).fill(0);
        const refusal = [
          ...BAD_RANGE.slice(0, 2),
          {
            message: '"sources": expected at most 253 descriptors, got 254',
          },
        ] as unknown as typeof BAD_RANGE;
        assertRefused(() => a.sendMessage('x', many), refusal);
        assertRefused(() => a.trySendMessage('x', many), refusal);
        await assert.rejects(a.sendMessageAsync('x', many), { code: 'ERR_OUT_OF_RANGE' });
        a.sendMessage('next');
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'next' });
      }));

    test('no descriptors are the same as none', () =>
      withPair(type, (a, b) => {
        for (const sources of [[], undefined]) {
          a.sendMessage('x', sources);
          assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxFds: 0 }), { data: 'x' });
          a.sendMessage('x', sources);
          assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x' });
        }
      }));

    test('the same descriptor twice comes as two', () =>
      withPair(type, (a, b) =>
        withFiles(1, ([file = -1]) => {
          a.sendMessage('x', [file, file]);
          assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x', files: [file, file] });
        }),
      ));

    test('the sender keeps its descriptors, and may close them before the receive', () =>
      withPair(type, (a, b) => {
        const file = temporaryFile('content');
        a.sendMessage('x', [file]);
        assert.ok(isOpen(file));
        closeSync(file);
        const message = b.recvMessage(WITHIN_SECONDS);
        const [received = -1] = message?.fds ?? [];
        const read = Buffer.alloc(7);
        readSync(received, read, 0, 7, 0);
        assert.equal(`${read}`, 'content');
        message?.[Symbol.dispose]();
      }));

    test('each of 10 pipes is connected to its other end', async () =>
      withPair(type, async (a, b) => {
        const pipes = Array.from({ length: 10 }, pipe);
        try {
          a.sendMessage(
            'data',
            pipes.map(([read]) => read),
          );
          const message = b.recvMessage({ ...WITHIN_SECONDS, maxFds: 20 });
          assert.ok(message);
          for (const [i, fd] of message.fds.entries()) {
            writeSync(pipes[i]?.[1] as number, `${i}`);
            const read = Buffer.alloc(10);
            assert.equal(readSync(fd, read), 1);
            assert.equal(`${read.subarray(0, 1)}`, `${i}`);
          }
          assert.equal(message.fds.length, 10);
          message[Symbol.dispose]();
        } finally {
          for (const fd of pipes.flat()) closeSync(fd);
        }
      }));

    test('objects that have a descriptor', () =>
      withPair(type, async (a, b) => {
        const server = createServer().listen(0);
        await once(server, 'listening');
        const { port } = server.address() as { port: number };
        const client = createConnection(port);
        const [peer] = (await Promise.all([once(server, 'connection'), once(client, 'connect')]))[0];
        const fds = [server, client, a, { fd: 0 }, 0].map((source) =>
          typeof source === 'number'
            ? source
            : ((Reflect.get(source, '_handle') ?? source) as { fd: number }).fd,
        );
        a.sendMessage('x', [server, client, a, { fd: 0 }, 0]);
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x', files: fds });
        client.destroy();
        peer.destroy();
        server.close();
        await once(server, 'close');
      }));

    test('received descriptors are close-on-exec', () =>
      withPair(type, async (a, b) => {
        const [read, write] = pipe();
        a.sendMessage('x', [write]);
        closeSync(write);
        const message = b.recvMessage(WITHIN_SECONDS);
        const child = startProcess('sh', ['-c', 'read line'], {});
        message?.[Symbol.dispose]();
        // The pipe's end comes although the child lives: it has not inherited its other end.
        assert.equal(readSync(read, Buffer.alloc(1)), 0);
        closeSync(read);
        child.stdin.end();
        await child.exit;
      }));

    test('Symbol.dispose closes the descriptors that nobody took, and only once', () =>
      withPair(type, (a, b) =>
        withFiles(3, (files) => {
          a.sendMessage('x', files);
          const message = b.recvMessage(WITHIN_SECONDS);
          assert.ok(message);
          const taken = message.fds.shift() as number;
          const left = [...message.fds];
          message[Symbol.dispose]();
          assert.deepEqual(message.fds, []);
          assert.ok(isOpen(taken) && !left.some(isOpen));
          const reused = pipe();
          message[Symbol.dispose]();
          assert.ok(reused.every(isOpen), 'a number that is used again is not closed');
          for (const fd of reused) closeSync(fd);
          closeSync(taken);
        }),
      ));

    test('Symbol.dispose closes the others although one is closed already', () =>
      withPair(type, (a, b) =>
        withFiles(3, (files) => {
          a.sendMessage('x', files);
          const message = b.recvMessage(WITHIN_SECONDS);
          assert.ok(message);
          const [first = -1, ...others] = message.fds;
          closeSync(first);
          try {
            message[Symbol.dispose]();
          } catch (error) {
            assert.equal((error as NodeJS.ErrnoException).code, 'EBADF');
          }
          assert.ok(!others.some(isOpen), 'the others are closed');
        }),
      ));

    test('1024 messages there and back', () =>
      withPair(type, (a, b) =>
        withFiles(1, (files) => {
          for (let i = 0; i < 1024; i++) {
            a.sendMessage(`${i}`, files);
            assertMessage(b.recvMessage(WITHIN_SECONDS), { data: `${i}`, files });
            b.sendMessage(`back ${i}`);
            assertMessage(a.recvMessage(WITHIN_SECONDS), { data: `back ${i}` });
          }
        }),
      ));

    test('small data is its own, whatever the next receive does', () =>
      withPair(type, (a, b) => {
        for (const size of [10, 16_384, 16_385, 60_000]) {
          a.sendMessage(Buffer.alloc(size, 'a'));
          const first = b.recvMessage(WITHIN_SECONDS);
          a.sendMessage(Buffer.alloc(size, 'b'));
          const second = b.recvMessage(WITHIN_SECONDS);
          assert.ok(first?.data.equals(Buffer.alloc(size, 'a')), `${size}`);
          assert.ok(second?.data.equals(Buffer.alloc(size, 'b')), `${size}`);
        }
      }));

    test('data that another thread gets is detached, and the next receive works', () =>
      withPair(type, (a, b) => {
        a.sendMessage(Buffer.alloc(50_000, 'a'));
        const message = b.recvMessage(WITHIN_SECONDS);
        const { port1, port2 } = new MessageChannel();
        port1.postMessage(message?.data, [message?.data.buffer as ArrayBuffer]);
        port1.close();
        port2.close();
        a.sendMessage('next');
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'next' });
      }));
  });
}

for (const type of PACKETS) {
  suite(`packets, ${type}`, (test) => {
    for (const count of [0, 1, 2, 99, 252, 253]) {
      test(`an empty message with ${count} descriptors`, () =>
        withPair(type, (a, b) =>
          withFiles(count, async (files) => {
            for (const data of ['', [], new Uint8Array(0), ['', '']]) {
              assert.equal(a.sendMessage(data, files), 0);
              assertMessage(b.recvMessage(WITHIN_SECONDS), { files });
            }
            assert.equal(await a.sendMessageAsync('', files), 0);
            assertMessage(await b.recvMessageAsync(), { files });
            assert.equal(a.trySendMessage('', files), 0);
            assertMessage(b.tryRecvMessage(), { files });
            assert.equal(b.tryRecvMessage(), undefined);
          }),
        ));
    }

    test('messages are kept apart, with and without data, with and without descriptors', () =>
      withPair(type, (a, b) =>
        withFiles(4, ([w = -1, x = -1, y = -1, z = -1]) => {
          const messages = [
            { data: 'one', files: [w] },
            { data: 'two' },
            { files: [x, y] },
            { files: [z, w] },
            {},
            {},
            { data: 'last', files: [x] },
          ];
          for (const { data = '', files = [] } of messages) a.sendMessage(data, files);
          for (const message of messages) assertMessage(b.recvMessage(WITHIN_SECONDS), message);
          assert.equal(b.tryRecvMessage(), undefined);
        }),
      ));

    for (const maxBytes of [1, 2, 3, 20_000]) {
      test(`a packet longer than maxBytes (${maxBytes}) is told, and its rest is gone`, () =>
        withPair(type, async (a, b) => {
          await withFiles(2, async (files) => {
            const data = pattern(maxBytes + 1);
            const expected = { data: data.subarray(0, maxBytes), files, truncated: true };
            a.sendMessage(data, files);
            assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxBytes }), expected);
            a.sendMessage(data, files);
            assertMessage(await b.recvMessageAsync({ maxBytes }), expected);
            a.sendMessage(data.subarray(1));
            assertMessage(b.tryRecvMessage({ maxBytes }), { data: data.subarray(1) });
            assert.equal(b.tryRecvMessage(), undefined);
          });
        }));
    }

    test('a packet longer than the kernel takes is EMSGSIZE', () =>
      withPair(type, (a) => {
        assert.throws(() => a.sendMessage(Buffer.alloc(2 ** 24)), { code: 'EMSGSIZE', syscall: 'sendmsg' });
      }));
  });
}

for (const type of CONNECTED) {
  suite(`the end, ${type}`, (test) => {
    test('what was sent before the end is received, and then null, again and again', () =>
      withPair(type, async (a, b) => {
        await withFiles(1, async (files) => {
          a.sendMessage('last', files);
          a.destroy();
          assertMessage(b.recvMessage(), { data: 'last', files });
          assert.equal(b.recvMessage(), null);
          assert.equal(b.tryRecvMessage(), null);
          assert.equal(await b.recvMessageAsync(), null);
          assert.equal(b.recvMessage({ timeout: 0 }), null);
          for await (const message of b) assert.fail(`${message}`);
          assert.equal(b.recvMessage({ into: new Uint8Array(4) }), null);
        });
      }));

    test("to a peer that is gone: ENDED with the kernel's EPIPE, and no signal", () =>
      withPair(type, async (a, b) => {
        b.destroy();
        const ended = { code: 'ERR_FDCHANNEL_ENDED' };
        for (const data of ['x', ['x', 'y'], pattern(50_000)]) {
          assert.throws(() => a.sendMessage(data), ended);
          assert.throws(() => a.sendMessage(data, [0]), ended);
          assert.throws(() => a.trySendMessage(data, [0]), ended);
          await assert.rejects(a.sendMessageAsync(data, [0]), ended);
        }
        assert.throws(
          () => a.sendMessage('x'),
          ({ cause }) => (cause as { code: string }).code === 'EPIPE',
        );
      }));

    test("shutdown('write'): the peer gets the end, and this side goes on receiving", () =>
      withPair(type, (a, b) => {
        a.sendMessage('before');
        a.shutdown('write');
        a.shutdown('write');
        assert.throws(() => a.sendMessage('x'), { code: 'ERR_FDCHANNEL_ENDED' });
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'before' });
        assert.equal(b.recvMessage(WITHIN_SECONDS), null);
        b.sendMessage('answer', [0]);
        assertMessage(a.recvMessage(WITHIN_SECONDS), { data: 'answer', files: [0] });
      }));

    test("shutdown('read'): what is there is received, then the end; the peer's send is told", () =>
      withPair(type, (a, b) => {
        b.sendMessage('before');
        a.shutdown('read');
        assertMessage(a.recvMessage(WITHIN_SECONDS), { data: 'before' });
        assert.equal(a.recvMessage(WITHIN_SECONDS), null);
        assert.throws(() => b.sendMessage('x'), { code: 'ERR_FDCHANNEL_ENDED' });
        a.sendMessage('still');
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'still' });
      }));

    for (const how of ['both', undefined] as const) {
      test(`shutdown(${how}) ends both directions`, () =>
        withPair(type, (a, b) => {
          a.shutdown(how);
          a.shutdown(how);
          assert.equal(a.recvMessage(WITHIN_SECONDS), null);
          assert.equal(b.recvMessage(WITHIN_SECONDS), null);
          for (const end of [a, b])
            assert.throws(() => end.sendMessage('x'), { code: 'ERR_FDCHANNEL_ENDED' });
        }));
    }

    test('a peer that closes with unread messages: what it sent comes, and then null', () =>
      withPair(type, (a, b) => {
        a.sendMessage('unread', [0]);
        b.sendMessage('from b');
        b.destroy();
        assertMessage(a.recvMessage(WITHIN_SECONDS), { data: 'from b' });
        assert.equal(a.recvMessage(WITHIN_SECONDS), null);
      }));
  });
}

suite('arguments of shutdown', (test) => {
  for (const how of [0, null, {}, true]) {
    test(`${how} is refused`, () =>
      withPair('stream', (a) => assertRefused(() => a.shutdown(how as never), BAD_TYPE)));
  }
  for (const how of ['', 'Both', 'rw']) {
    test(`'${how}' is refused`, () =>
      withPair('stream', (a) =>
        assertRefused(
          () => a.shutdown(how as never),
          [
            TypeError,
            'ERR_INVALID_ARG_VALUE',
            {
              message: `"how": expected 'read' or 'write' or 'both', got the string '${how}'`,
            },
          ],
        ),
      ));
  }
});

suite('data as it was sent', (test) => {
  test('descriptors refer to files, whose offset is shared', () =>
    withPair('seqpacket', (a, b) =>
      withDescriptors([temporaryFile()], (file = -1) => {
        a.sendMessage('x', [file]);
        const message = b.recvMessage(WITHIN_SECONDS);
        const [received = -1] = message?.fds ?? [];
        writeSync(received, 'abc');
        assert.equal(fstatSync(file).size, 3);
        writeSync(file, 'def');
        assert.equal(fstatSync(received).size, 6);
        message?.[Symbol.dispose]();
      }),
    ));
});
