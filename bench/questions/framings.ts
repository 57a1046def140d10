import { timed } from '../harness/timed.ts';
import { FDCHANNEL, pass } from '../sides/fdchannel.ts';

const STREAM = `${FDCHANNEL}, stream`;

export default timed({
  name: 'framings',
  title: 'A pass in both framings: an empty packet (SEQPACKET), one byte of a stream',
  bases: ['C', 'C, stream', FDCHANNEL],
  sides: async (bench) => [
    ...(await bench.floor('pass')),
    ...(await bench.floor('pass-stream', 'C, stream')),
    ...(await bench.attempt(FDCHANNEL, (name) => pass(name, 'seqpacket'))),
    ...(await bench.attempt(STREAM, (name) => pass(name, 'stream'))),
  ],
});
