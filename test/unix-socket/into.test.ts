import assert from 'node:assert/strict';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { assertRefused, BAD_TYPE, type Refusal } from '../support/refusals.ts';
import { assertMessage, TYPES, withFiles, withPair } from '../support/sockets.ts';
import { suite } from '../support/suite.ts';

const NO_ROOM: Refusal = [TypeError, 'ERR_INVALID_ARG_VALUE'];

function resizable(length: number, most: number): ArrayBuffer & { resize(length: number): void } {
  return Reflect.construct(ArrayBuffer, [length, { maxByteLength: most }]);
}

for (const type of TYPES) {
  suite(`receiving into the caller's memory, ${type}`, (test) => {
    for (const [kind, make] of [
      ['a Uint8Array', () => new Uint8Array(16)],
      ['a Buffer', () => Buffer.alloc(16)],
      ['a part of a larger one', () => new Uint8Array(64).subarray(5, 21)],
      ['shared memory', () => new Uint8Array(new SharedArrayBuffer(32), 8, 16)],
      ['a resizable buffer', () => new Uint8Array(resizable(16, 64))],
      ['a large one', () => new Uint8Array(100_000)],
    ] as const) {
      test(`${kind}: data is a view of it, and nothing beside is touched`, () =>
        withPair(type, (a, b) =>
          withFiles(2, (files) => {
            const into = make().fill(7);
            a.sendMessage('data', files);
            const message = b.recvMessage({ ...WITHIN_SECONDS, into });
            assert.ok(message);
            assert.equal(message.data.buffer, into.buffer);
            assert.equal(message.data.byteOffset, into.byteOffset);
            assertMessage(message, { data: 'data', files });
            assert.ok(into.subarray(4).every((byte) => byte === 7));
            assert.ok(new Uint8Array(into.buffer, 0, into.byteOffset).every((byte) => byte === 0));
          }),
        ));
    }

    test('each form takes it', () =>
      withPair(type, async (a, b) => {
        const into = new Uint8Array(8);
        for (const receive of [
          () => b.recvMessage({ into }),
          () => b.recvMessage({ into, ...WITHIN_SECONDS }),
          () => b.tryRecvMessage({ into }),
          () => b.recvMessageAsync({ into }),
        ]) {
          a.sendMessage('x');
          const message = await receive();
          assert.equal(message?.data.buffer, into.buffer);
          assertMessage(message, { data: 'x' });
        }
      }));

    test('memory without room is refused, and nothing is taken', () =>
      withPair(type, async (a, b) => {
        const detached = new Uint8Array(4);
        structuredClone(detached, { transfer: [detached.buffer] });
        a.sendMessage('x', [0]);
        for (const into of [new Uint8Array(0), detached]) {
          assertRefused(() => b.recvMessage({ into }), NO_ROOM);
          assertRefused(() => b.tryRecvMessage({ into }), NO_ROOM);
          await assert.rejects(b.recvMessageAsync({ into }), { code: NO_ROOM[1] });
        }
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x', files: [0] });
      }));

    test('memory that is detached while the receive waits: it is refused, and the next gets the message', () =>
      withPair(type, async (a, b) => {
        const into = new Uint8Array(4);
        const [waits, next] = [b.recvMessageAsync({ into }), b.recvMessageAsync()];
        structuredClone(into, { transfer: [into.buffer] });
        a.sendMessage('x', [0]);
        await assert.rejects(waits, { code: NO_ROOM[1] });
        assertMessage(await next, { data: 'x', files: [0] });
      }));

    test('memory that shrinks while the receive waits is not written beyond its end', () =>
      withPair(type, async (a, b) => {
        const buffer = resizable(64, 64);
        const [waits, next] = [b.recvMessageAsync({ into: new Uint8Array(buffer) }), b.recvMessageAsync()];
        buffer.resize(2);
        a.sendMessage('longer');
        await assert.rejects(waits, { code: NO_ROOM[1] });
        assertMessage(await next, { data: 'longer' });
      }));

    test('memory that grows while the receive waits', () =>
      withPair(type, async (a, b) => {
        const buffer = resizable(4, 64);
        const waits = b.recvMessageAsync({ into: new Uint8Array(buffer) });
        buffer.resize(64);
        a.sendMessage('data');
        assertMessage(await waits, { data: 'data' });
      }));

    test('a length that lies is not believed, and no descriptor leaks', () =>
      withPair(type, (a, b) => {
        const into = Object.defineProperty(new Uint8Array(8), 'length', { value: 1_000_000 });
        a.sendMessage('data', [0]);
        const before = openDescriptors().size;
        assert.throws(() => b.recvMessage({ into }), RangeError);
        assert.equal(openDescriptors().size, before);
        assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'data', files: [0] });
      }));

    for (const into of [
      null,
      4,
      'memory',
      [1],
      {},
      new ArrayBuffer(4),
      new Int32Array(4),
      new DataView(new ArrayBuffer(4)),
      Object.create(Uint8Array.prototype),
      new Proxy(new Uint8Array(4), {}),
    ]) {
      test(`${Object.prototype.toString.call(into)} is refused`, () =>
        withPair(type, async (_, b) => {
          assertRefused(() => b.recvMessage({ into: into as never }), BAD_TYPE);
          assertRefused(() => b.tryRecvMessage({ into: into as never }), BAD_TYPE);
          await assert.rejects(b.recvMessageAsync({ into: into as never }), { code: BAD_TYPE[1] });
        }));
    }

    test('maxBytes beside it is refused', () =>
      withPair(type, (_, b) =>
        assertRefused(() => b.recvMessage({ into: new Uint8Array(4), maxBytes: 4 }), NO_ROOM),
      ));
  });
}

suite("the caller's memory and empty packets", (test) => {
  for (const type of ['seqpacket', 'dgram'] as const) {
    test(`a look for the end does not write what comes next, ${type}`, () =>
      withPair(type, (a, b) => {
        const into = new Uint8Array(8).fill(7);
        a.sendMessage('');
        a.sendMessage('abc');
        a.shutdown('write');
        b.shutdown('read');
        assertMessage(b.recvMessage({ into }), {});
        assert.deepEqual([...into], Array(8).fill(7));
        assertMessage(b.recvMessage({ into }), { data: 'abc' });
      }));
  }
});
