import assert from 'node:assert/strict';
import { ChannelError } from '../../src/errors.ts';
import { ControlCodec, type ControlHeader, MAX_DESCRIPTORS } from '../../src/socket/control.ts';
import { platforms } from '../abi/golden.ts';
import { buffer, CANARY, host, kinds, type Platform, place } from '../support/control.ts';
import { suite } from '../support/suite.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => 1000 + index);

suite('control messages of descriptors', (test) => {
  for (const { name, abi, layout } of [host(), ...platforms]) {
    const codec = new ControlCodec(abi, layout);

    test(`${name}: 1 to 253 descriptors come back`, () => {
      for (let count = 1; count <= MAX_DESCRIPTORS; count++) {
        const control = buffer(codec.space(count), -1);
        const sent = numbers(count);
        const controllen = codec.encode(place(control), sent);
        assert.equal(controllen, codec.length(count));
        for (const bytes of [controllen, codec.space(count)]) {
          assert.deepEqual(codec.decode(place(control), bytes), {
            descriptors: sent,
            added: [],
            unexpected: undefined,
          });
          assert.equal(codec.decodeOne(place(control), bytes), count === 1 ? sent[0] : -1);
        }
      }
    });

    test(`${name}: the bytes are those of C`, () => {
      const control = buffer(codec.space(1) + 8, -1);
      codec.encode(place(control), [77]);
      const bytes = new Uint8Array(control.buffer, control.byteOffset, control.byteLength);
      const view = new DataView(control.buffer, control.byteOffset);
      const { size, offset } = layout.cmsghdr;
      const whole = offset.cmsg_level === 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
      assert.equal(whole, codec.length(1), 'the upper half of cmsg_len, or its padding, is zero');
      assert.equal(view.getInt32(offset.cmsg_level, true), abi.SOL_SOCKET);
      assert.equal(view.getInt32(offset.cmsg_type, true), abi.SCM_RIGHTS);
      assert.equal(view.getInt32(codec.length(0), true), 77);
      const padding = [...bytes.subarray(size, codec.length(0))];
      padding.push(...bytes.subarray(codec.length(1), codec.space(1)));
      assert.ok(padding.every((byte) => byte === 0));
      assert.deepEqual([...control.subarray(codec.space(1) / 4)], [-1, -1], 'what lies beyond is left alone');
    });
  }

  test('another descriptor is put into a message for one', () => {
    const { abi, layout } = host();
    const codec = new ControlCodec(abi, layout);
    const control = buffer(codec.space(1));
    const controllen = codec.encode(place(control), [5]);
    for (const fd of [0, 9, 2 ** 31 - 1]) {
      codec.replace(place(control), fd);
      assert.equal(codec.decodeOne(place(control), controllen), fd);
      assert.deepEqual(codec.decode(place(control), controllen), {
        descriptors: [fd],
        added: [],
        unexpected: undefined,
      });
    }
  });

  const refused: readonly [title: string, count: number, room: number, message: string][] = [
    ['no descriptor', 0, 254, '"descriptors": expected 1 to 253 descriptors, got 0'],
    ['254 descriptors', 254, 254, '"descriptors": expected 1 to 253 descriptors, got 254'],
    ['a buffer for one less', 5, 3, '"control": expected at least 40 bytes, got 32'],
    ['an empty buffer', 1, -1, '"control": expected at least 24 bytes, got 0'],
  ];
  for (const [title, count, room, message] of refused) {
    test(`${title} is refused, and nothing is written`, () => {
      const { abi, layout } = platforms[0] as Platform;
      const codec = new ControlCodec(abi, layout);
      const control = buffer(room < 0 ? 0 : codec.space(room), -1);
      assert.throws(() => codec.encode(place(control), numbers(count)), {
        name: 'RangeError',
        code: 'ERR_OUT_OF_RANGE',
        message,
      });
      assert.ok(control.every((word) => word === -1));
    });
  }
});

interface Written {
  readonly level?: number;
  readonly type?: number;
  /** cmsg_len. @default what the data makes it */
  readonly length?: number;
  readonly data?: readonly number[];
}

/** Control messages one behind the other, as a kernel writes them; behind them, numbers that nobody may see. */
function written(
  codec: ControlCodec,
  { abi, layout }: Platform,
  messages: readonly Written[],
): Int32Array<ArrayBuffer> {
  const control = buffer(1024, CANARY);
  const { offset } = layout.cmsghdr;
  let at = 0;
  for (const message of messages) {
    const { level = abi.SOL_SOCKET, type = abi.SCM_RIGHTS, data = [] } = message;
    const bytes = codec.space(data.length);
    control.fill(0, at / 4, (at + bytes) / 4);
    control[(at + offset.cmsg_len) / 4] = message.length ?? codec.length(data.length);
    control[(at + offset.cmsg_level) / 4] = level;
    control[(at + offset.cmsg_type) / 4] = type;
    control.set(data, (at + codec.length(0)) / 4);
    at += bytes;
  }
  return control;
}

interface Received {
  readonly title: string;
  readonly messages: readonly Written[];
  readonly controllen: number;
  readonly descriptors?: readonly number[];
  readonly added?: readonly number[];
  readonly unexpected?: Partial<ControlHeader>;
}

/** CPython's SCMRightsTest, and more of its kind. */
function catalogue(codec: ControlCodec, { abi, layout }: Platform): Received[] {
  const one = { data: [7] };
  const two = { data: [7, 8] };
  const LEN = (count: number): number => codec.length(count);
  const SPACE = (count: number): number => codec.space(count);
  const credentials = { type: 2, data: [1, 2, 3] };
  const pidfd = { type: 4, data: [9] };
  const carriesPidfd = abi.SCM_PIDFD === 4;
  // Where the head is padded to the data, less than LEN(0) may still be a whole head.
  const head = layout.cmsghdr.size;
  return [
    { title: 'no buffer', messages: [], controllen: 0 },
    { title: 'one byte', messages: [one], controllen: 1 },
    { title: 'a byte less than a head', messages: [one], controllen: head - 1 },
    {
      title: 'LEN(0) - 1',
      messages: [one],
      controllen: LEN(0) - 1,
      ...(head < LEN(0) && { unexpected: { length: LEN(1) } }),
    },
    { title: 'LEN(0)', messages: [one], controllen: LEN(0), unexpected: { length: LEN(1) } },
    { title: 'a head that says so', messages: [{}], controllen: LEN(0), unexpected: { length: LEN(0) } },
    {
      title: 'an empty message, then a descriptor',
      messages: [{}, one],
      controllen: SPACE(0) + LEN(1),
      descriptors: [7],
      unexpected: { length: LEN(0) },
    },
    { title: 'LEN(1) - 1', messages: [one], controllen: LEN(1) - 1, unexpected: { length: LEN(1) } },
    {
      title: 'half an int',
      messages: [{ ...one, length: LEN(0) + 2 }],
      controllen: LEN(0) + 2,
      unexpected: { length: LEN(0) + 2 },
    },
    {
      title: 'half an int in a whole buffer',
      messages: [{ ...one, length: LEN(0) + 2 }],
      controllen: LEN(0) + SPACE(1) - SPACE(0),
      unexpected: { length: LEN(0) + 2 },
    },
    {
      title: 'one and a half',
      messages: [{ ...two, length: LEN(1) + 2 }],
      controllen: LEN(1) + 2,
      descriptors: [7],
      unexpected: { length: LEN(1) + 2 },
    },
    { title: 'LEN(1)', messages: [one], controllen: LEN(1), descriptors: [7] },
    { title: 'SPACE(1)', messages: [one], controllen: SPACE(1), descriptors: [7] },
    { title: 'descriptor 0', messages: [{ data: [0] }], controllen: LEN(1), descriptors: [0] },
    { title: 'two', messages: [two], controllen: LEN(2), descriptors: [7, 8] },
    {
      title: 'two, cut behind the first',
      messages: [two],
      controllen: LEN(1),
      descriptors: [7],
      unexpected: { length: LEN(2) },
    },
    { title: 'a number that is none', messages: [{ data: [-1, 8] }], controllen: LEN(2), descriptors: [8] },
    { title: 'two messages', messages: [one, two], controllen: SPACE(1) + LEN(2), descriptors: [7, 7, 8] },
    {
      title: 'two messages, the second cut in its head',
      messages: [one, two],
      controllen: SPACE(1) + head - 1,
      descriptors: [7],
    },
    {
      title: 'two messages, the second cut behind its head',
      messages: [one, two],
      controllen: SPACE(1) + LEN(0),
      descriptors: [7],
      unexpected: { length: LEN(2) },
    },
    {
      title: 'two messages, the second cut in its data',
      messages: [one, two],
      controllen: SPACE(1) + LEN(2) - 1,
      descriptors: [7, 7],
      unexpected: { length: LEN(2) },
    },
    {
      title: 'another level',
      messages: [{ ...one, level: 41 }],
      controllen: LEN(1),
      unexpected: { level: 41, length: LEN(1) },
    },
    {
      title: 'another level with the type of a pidfd',
      messages: [{ ...pidfd, level: 41 }],
      controllen: LEN(1),
      unexpected: { level: 41, type: 4, length: LEN(1) },
    },
    {
      title: 'credentials',
      messages: [credentials],
      controllen: LEN(3),
      unexpected: { type: 2, length: LEN(3) },
    },
    {
      title: 'credentials, then a descriptor',
      messages: [credentials, one],
      controllen: SPACE(3) + LEN(1),
      descriptors: [7],
      unexpected: { type: 2, length: LEN(3) },
    },
    {
      title: 'descriptors, then credentials, then another level',
      messages: [two, credentials, { level: 41 }],
      controllen: SPACE(2) + SPACE(3) + LEN(0),
      descriptors: [7, 8],
      unexpected: { type: 2, length: LEN(3) },
    },
    {
      title: 'a pidfd',
      messages: [pidfd],
      controllen: LEN(1),
      added: carriesPidfd ? [9] : [],
      unexpected: { type: 4, length: LEN(1) },
    },
    {
      title: 'a descriptor, then a pidfd',
      messages: [one, pidfd],
      controllen: SPACE(1) + LEN(1),
      descriptors: [7],
      added: carriesPidfd ? [9] : [],
      unexpected: { type: 4, length: LEN(1) },
    },
    {
      title: 'type 0',
      messages: [{ ...one, type: 0 }],
      controllen: LEN(1),
      unexpected: { type: 0, length: LEN(1) },
    },
    // A length that leads nowhere ends the walk, and what follows it is not seen.
    ...[0, 1, head - 1].map((length) => ({
      title: `length ${length}`,
      messages: [{ ...one, length }, one],
      controllen: SPACE(1) + LEN(1),
      unexpected: { length },
    })),
    ...[LEN(1) + 4096, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1].map((length) => ({
      title: `length ${length}`,
      messages: [{ ...two, length }],
      controllen: LEN(2),
      descriptors: [7, 8],
      unexpected: { length },
    })),
  ];
}

suite('control messages of every kind', (test) => {
  for (const platform of kinds) {
    const { name, abi, layout } = platform;
    const codec = new ControlCodec(abi, layout);
    const base = { level: abi.SOL_SOCKET, type: abi.SCM_RIGHTS };
    for (const one of catalogue(codec, platform)) {
      const { title, messages, controllen, descriptors = [], added = [], unexpected } = one;
      test(`${name}: ${title}`, () => {
        const control = written(codec, platform, messages);
        assert.deepEqual(codec.decode(place(control), controllen), {
          descriptors,
          added,
          unexpected: unexpected && { ...base, ...unexpected },
        });
        const good = messages.length === 1 && messages[0]?.data?.length === 1 && !unexpected;
        assert.equal(codec.decodeOne(place(control), controllen), good ? (descriptors[0] ?? -1) : -1);
      });
    }
  }

  test('more than the buffer is never read, whatever the kernel is said to have written', () => {
    const { abi, layout } = host();
    const codec = new ControlCodec(abi, layout);
    const control = buffer(codec.space(2));
    codec.encode(place(control), [7, 8]);
    control[0] = 400;
    const room = (control.byteLength - codec.length(0)) / 4;
    const { descriptors } = codec.decode(place(control), 400);
    assert.deepEqual(descriptors.slice(0, 2), [7, 8]);
    assert.ok(descriptors.length <= room && !descriptors.includes(CANARY));
  });

  const errors: readonly [ControlHeader, string][] = [
    [
      { level: 1, type: 2, length: 28 },
      'unexpected control message: got SCM_CREDENTIALS (1, 2), wanted SCM_RIGHTS (1, 1)',
    ],
    [{ level: 41, type: 1, length: 20 }, 'unexpected control message: got (41, 1), wanted SCM_RIGHTS (1, 1)'],
    [{ level: 1, type: 1, length: 18 }, 'SCM_RIGHTS message of unexpected length: got 18, wanted 20'],
  ];
  for (const [header, what] of errors) {
    test(`the error says: ${what}`, () => {
      const { abi, layout } = platforms[0] as Platform;
      const error = new ControlCodec(abi, layout).unexpectedControl(header);
      assert.ok(error instanceof ChannelError);
      assert.equal(error.code, 'ERR_FDCHANNEL_UNEXPECTED_CONTROL');
      assert.equal(error.message, `the peer sent an ${what}`);
    });
  }
});
