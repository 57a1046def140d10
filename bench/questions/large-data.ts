import { timed } from '../harness/timed.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { exchange, exchangeInto } from '../sides/messages.ts';

const BYTES = 65536;
const C_STREAM = 'C, stream';
const INTO = `${FDCHANNEL}, into`;
const STREAM = `${FDCHANNEL}, stream`;
const STREAM_INTO = `${FDCHANNEL}, stream, into`;

/** The time that nine tenths of the throughput take. */
const SLOWEST = 1.11;

export default timed({
  name: 'large-data',
  title:
    'A message of 64 KiB, within one process: send, receive into new memory, or into memory that is there',
  goals: [
    { side: FDCHANNEL, base: 'C', atMost: SLOWEST },
    { side: INTO, base: 'C', atMost: SLOWEST },
    { side: STREAM, base: C_STREAM, atMost: SLOWEST },
    { side: STREAM_INTO, base: C_STREAM, atMost: SLOWEST },
  ],
  bases: ['C', C_STREAM],
  sides: async (bench) => [
    ...(await bench.floor('large')),
    exchange(FDCHANNEL, { bytes: BYTES }),
    exchangeInto(INTO, { bytes: BYTES }),
    ...(await bench.floor('large-stream', C_STREAM)),
    exchange(STREAM, { type: 'stream', bytes: BYTES }),
    exchangeInto(STREAM_INTO, { type: 'stream', bytes: BYTES }),
  ],
});
