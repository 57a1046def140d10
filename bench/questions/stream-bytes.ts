import { timed } from '../harness/timed.ts';
import { NET, STREAM, streamBytes } from '../sides/streams.ts';

const CHUNK = 65_536;

export default timed({
  name: 'stream-bytes',
  title: '64 KiB of a stream from one end to the other, on one event loop, the writer waiting for drain',
  // Four fifths of its throughput.
  goals: [{ side: STREAM, base: NET, atMost: 1.25 }],
  bases: [NET],
  sides: () => [streamBytes(NET, CHUNK), streamBytes(STREAM, CHUNK)],
});
