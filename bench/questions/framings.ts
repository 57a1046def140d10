import { timed } from '../harness/timed.ts';
import { FDCHANNEL, fdchannel } from '../sides/fdchannel.ts';

const STREAM = `${FDCHANNEL}, stream`;

export default timed({
  name: 'framings',
  title: 'A pass in both framings: an empty packet (SEQPACKET), one byte of a stream',
  bases: ['C', 'C, stream', FDCHANNEL],
  sides: async (bench) => [
    ...(await bench.peers('pass', ['C'])),
    ...(await bench.peers('pass-stream')).map((side) => ({ ...side, name: `${side.name}, stream` })),
    ...bench.attempt(FDCHANNEL, () => fdchannel('pass', 'seqpacket')),
    ...bench.attempt(STREAM, () => ({ ...fdchannel('pass', 'stream'), name: STREAM })),
  ],
});
