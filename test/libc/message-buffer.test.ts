import assert from 'node:assert/strict';
import { SharedMemory } from '../../src/libc/memory.ts';
import { MessageBuffer } from '../../src/libc/message-buffer.ts';
import { ControlCodec } from '../../src/socket/control.ts';
import { platforms } from '../abi/golden.ts';
import { fails, scripted } from '../support/scripted.ts';
import { suite } from '../support/suite.ts';

suite('the memory of a message', (test) => {
  for (const { name, abi, layout } of platforms) {
    const { msghdr, iovec, wordSize } = layout;
    const codec = new ControlCodec(abi, layout);

    test(`${name}: every part lies at a multiple of 8, behind the one before, and C is told where`, () => {
      for (const controlBytes of [codec.space(1), codec.space(253)]) {
        for (let dataBytes = 0; dataBytes <= 17; dataBytes++) {
          const { libc } = scripted(name, fails('EBADF'));
          const message = new MessageBuffer(libc, dataBytes, controlBytes);
          const { address, data } = message;
          const { buffer } = message.words;
          const memory = new DataView(buffer);
          const word = (offset: number): number =>
            wordSize === 8 ? Number(memory.getBigUint64(offset, true)) : memory.getUint32(offset, true);

          const iovecAt = word(msghdr.offset.msg_iov) - address;
          const parts: [at: number, size: number][] = [
            [address - address, msghdr.size],
            [iovecAt, iovec.size],
            [word(iovecAt + iovec.offset.iov_base) - address, dataBytes],
            [word(msghdr.offset.msg_control) - address, controlBytes],
          ];
          let end = 0;
          for (const [at, size] of parts) {
            assert.equal(at % 8, 0, `${dataBytes} bytes of data`);
            assert.ok(at >= end);
            end = at + size;
          }
          assert.ok(end <= buffer.byteLength);
          assert.equal(word(iovecAt + iovec.offset.iov_len), dataBytes);
          assert.equal(data.byteLength, dataBytes);
          if (dataBytes > 0) assert.equal(data.byteOffset, parts[2]?.[0]);
          assert.deepEqual([4 * message.controlAt, message.controlBytes], parts[3]);
        }
      }
    });

    test(`${name}: a message without data has an iovec only where the host wants one`, () => {
      for (const [dataBytes, answer, iovecs] of [
        [0, fails('EBADF'), 0],
        [0, 0, 1],
        [1, fails('EBADF'), 1],
      ] as const) {
        const { words } = new MessageBuffer(scripted(name, answer).libc, dataBytes, codec.space(1));
        assert.equal(new DataView(words.buffer).getInt32(msghdr.offset.msg_iovlen, true), iovecs);
      }
    });

    test(`${name}: controllen and flags are where C has them`, () => {
      const message = new MessageBuffer(scripted(name).libc, 1, codec.space(1));
      const memory = new DataView(message.words.buffer);
      message.controllen = 0x1234;
      assert.equal(memory.getUint32(msghdr.offset.msg_controllen, true), 0x1234);
      memory.setUint32(msghdr.offset.msg_controllen, 20, true);
      memory.setInt32(msghdr.offset.msg_flags, abi.MSG_CTRUNC, true);
      assert.deepEqual([message.controllen, message.flags], [20, abi.MSG_CTRUNC]);
    });
  }
});

suite('memory that small parts share', (test) => {
  // Each memory lies at the next multiple of a million.
  const shared = (): SharedMemory => {
    let memories = 0;
    return new SharedMemory({ address: () => 1e6 * ++memories });
  };

  test('no part reaches into another, and each is empty at first', () => {
    const memory = shared();
    const sizes = Array.from({ length: 500 }, (_, i) => 8 * (1 + ((i * i) % 90)));
    const parts = sizes.map((size) => ({ size, ...memory.take(size) }));
    for (const [index, { size, memory, at }] of parts.entries()) {
      const part = memory.bytes.subarray(at, at + size);
      assert.equal(at % 8, 0);
      assert.deepEqual([part.length, ...new Set(part)], [size, 0]);
      part.fill(1 + (index % 200));
    }
    for (const [index, { size, memory, at }] of parts.entries()) {
      assert.deepEqual(new Set(memory.bytes.subarray(at, at + size)), new Set([1 + (index % 200)]));
    }
  });

  test('many parts have one memory, and a large one has its own', () => {
    const memory = shared();
    const small = Array.from({ length: 400 }, () => memory.take(96).memory.address);
    assert.equal(new Set(small).size, 10);
    const large = memory.take(4096);
    assert.deepEqual([large.at, large.memory.bytes.length], [0, 4096]);
    assert.ok(!small.includes(large.memory.address));
    assert.equal(memory.take(96).memory.address, small.at(-1));
  });
});
