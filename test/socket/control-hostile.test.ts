import assert from 'node:assert/strict';
import { ControlCodec, type ControlContents } from '../../src/socket/control.ts';
import { buffer, CANARY, kinds, place } from '../support/control.ts';
import { suite } from '../support/suite.ts';

/** What holds for all bytes. `control` is as long as C's buffer, `controllen` what the kernel is said to have written. */
function checkHostile(
  codec: ControlCodec,
  control: Int32Array<ArrayBuffer>,
  controllen: number,
): ControlContents {
  const contents = codec.decode(place(control), controllen);
  const { descriptors, unexpected } = contents;
  const end = Math.max(0, Math.min(controllen, control.byteLength));
  assert.ok(descriptors.every((fd) => Number.isInteger(fd) && fd >= 0 && fd < 2 ** 31));
  assert.ok(4 * descriptors.length <= Math.max(0, end - codec.length(0)), 'no more than lies there');

  const one = codec.decodeOne(place(control), controllen);
  if (one >= 0) assert.deepEqual(contents, { descriptors: [one], added: [], unexpected: undefined });
  // decode passes over padding behind the message and numbers that are none; decodeOne leaves both to it.
  else if (controllen <= codec.space(1) && end === controllen && control.every((word) => word >= 0))
    assert.ok(descriptors.length !== 1 || unexpected !== undefined, 'decodeOne missed a descriptor');

  for (const fill of [0, 0xff, CANARY & 0xff]) {
    const other = buffer(control.byteLength);
    other.set(control);
    new Uint8Array(other.buffer, other.byteOffset, other.byteLength).fill(fill, end);
    assert.deepEqual(
      codec.decode(place(other), controllen),
      contents,
      'what lies beyond the end does not matter',
    );
    if (end === controllen) assert.equal(codec.decodeOne(place(other), controllen), one);
  }
  return contents;
}

/** Marsaglia's xorshift: 32 bits each. */
function xorshift(seed: number): () => number {
  let x = seed || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

const SEED = Number(process.env['FDCHANNEL_TEST_SEED'] ?? (Date.now() ^ (process.pid << 8)) >>> 0);

suite('hostile control messages', (test) => {
  for (const platform of kinds) {
    const { name, abi, layout } = platform;
    const codec = new ControlCodec(abi, layout);
    const { offset } = layout.cmsghdr;
    const huge = [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 8, 2 ** 32 - 1];

    test(`${name}: every head, in every length of buffer`, () => {
      const control = buffer(codec.space(2) + 8);
      const lengths = [...Array.from({ length: control.byteLength + 9 }, (_, length) => length), ...huge];
      const levels = [abi.SOL_SOCKET, 0];
      const types = [abi.SCM_RIGHTS, 2, 4];
      for (const length of lengths)
        for (const level of levels)
          for (const type of types) {
            control.fill(CANARY & 0xff);
            control[offset.cmsg_len / 4] = length;
            control[offset.cmsg_level / 4] = level;
            control[offset.cmsg_type / 4] = type;
            for (let controllen = 0; controllen <= control.byteLength; controllen++)
              checkHostile(codec, control, controllen);
          }
    });

    test(`${name}: random bytes`, () => {
      const random = xorshift(SEED);
      const pick = <T>(values: readonly T[]): T => values[random() % values.length] as T;
      const words = [0, 1, 2, 4, -1, CANARY, ...huge];
      let carrying = 0;
      for (let round = 0; round < 5000; round++) {
        const control = buffer(4 * (random() % 40));
        for (let i = 0; i < control.length; i++) control[i] = random() % 2 ? random() : pick(words);
        // Heads that mean something, so that the walk gets further than the first; then some harm.
        for (let at = 0; at < control.byteLength; ) {
          const count = random() % 6;
          control[(at + offset.cmsg_len) / 4] = codec.length(count) + (random() % 4 ? 0 : random() % 5);
          control[(at + offset.cmsg_level) / 4] = random() % 8 ? abi.SOL_SOCKET : 41;
          control[(at + offset.cmsg_type) / 4] = pick([abi.SCM_RIGHTS, abi.SCM_RIGHTS, 2, 4]);
          at += codec.space(count);
        }
        for (let harm = random() % 4; harm > 0; harm--) control[random() % control.length] = pick(words);
        const controllen = pick([random() % 200, 4 * control.length, random(), -1]);
        try {
          const { descriptors } = checkHostile(codec, control, controllen);
          if (descriptors.length > 0) carrying++;
        } catch (error) {
          const what = `seed ${SEED}, round ${round}, controllen ${controllen}, words ${control.join(' ')}`;
          throw new Error(`${what}: ${error}`, { cause: error });
        }
      }
      assert.ok(carrying > 1000, `of 5000 buffers only ${carrying} carried a descriptor (seed ${SEED})`);
    });
  }
});
