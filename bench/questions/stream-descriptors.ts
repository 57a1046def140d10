import { timed } from '../harness/timed.ts';
import { SMALL } from '../sides/messages.ts';
import { descriptorEcho, STREAM } from '../sides/streams.ts';

const USOCKET = 'usocket';

export default timed({
  name: 'stream-descriptors',
  title: '64 bytes of a stream with one descriptor there and back, on one event loop, each descriptor closed',
  goals: [{ side: STREAM, base: USOCKET, atMost: 1 }],
  bases: [USOCKET],
  sides: async (bench) => [...(await bench.peers('stream-echo')), descriptorEcho(STREAM, SMALL)],
});
