import assert from 'node:assert/strict';
import { UnixSocket } from '../../src/index.ts';
import { suite } from '../support/suite.ts';

const MIB = 2 ** 20;

/** Small buffers of Node's lie together, in Node 26 with a few bytes more than it says. */
const POOL = Buffer.poolSize + 64;

/** The bytes of memory that a received message of `bytes` keeps alive. */
function kept(a: UnixSocket, b: UnixSocket, bytes: number, maxBytes?: number): number {
  a.sendMessage(Buffer.alloc(bytes, 'x'));
  const message = b.recvMessage({ maxBytes });
  assert.ok(message);
  assert.ok(message.data.equals(Buffer.alloc(bytes, 'x')));
  return message.data.buffer.byteLength;
}

suite('the memory of a received message', (test) => {
  for (const bytes of [100, 5000, 20_000, 60_000]) {
    for (const maxBytes of [undefined, 100_000, 64 * MIB]) {
      test(`${bytes} bytes, at most ${maxBytes ?? 'as many as usual'}`, () => {
        const [a, b] = UnixSocket.pair();
        try {
          const most = Math.max(POOL, 2 * bytes);
          const got = kept(a, b, bytes, maxBytes);
          assert.ok(got <= most, `${bytes} bytes keep ${got}`);
          const next = kept(a, b, 20_000);
          assert.ok(next <= Math.max(POOL, 65536), `after that, 20000 bytes keep ${next}`);
        } finally {
          a.destroy();
          b.destroy();
        }
      });
    }
  }
});
