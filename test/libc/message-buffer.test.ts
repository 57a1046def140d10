import assert from 'node:assert/strict';
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
          const { address, data, control } = new MessageBuffer(libc, dataBytes, controlBytes);
          const { buffer } = control;
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
          assert.deepEqual(parts.slice(2), [
            [data.byteOffset, data.byteLength],
            [control.byteOffset, control.byteLength],
          ]);
        }
      }
    });

    test(`${name}: a message without data has an iovec only where the host wants one`, () => {
      for (const [dataBytes, answer, iovecs] of [
        [0, fails('EBADF'), 0],
        [0, 0, 1],
        [1, fails('EBADF'), 1],
      ] as const) {
        const { control } = new MessageBuffer(scripted(name, answer).libc, dataBytes, codec.space(1));
        assert.equal(new DataView(control.buffer).getInt32(msghdr.offset.msg_iovlen, true), iovecs);
      }
    });

    test(`${name}: controllen and flags are where C has them`, () => {
      const message = new MessageBuffer(scripted(name).libc, 1, codec.space(1));
      const memory = new DataView(message.control.buffer);
      message.controllen = 0x1234;
      assert.equal(memory.getUint32(msghdr.offset.msg_controllen, true), 0x1234);
      memory.setUint32(msghdr.offset.msg_controllen, 20, true);
      memory.setInt32(msghdr.offset.msg_flags, abi.MSG_CTRUNC, true);
      assert.deepEqual([message.controllen, message.flags], [20, abi.MSG_CTRUNC]);
    });
  }
});
