import { timed } from '../harness/timed.ts';
import { BARE_KOFFI } from '../sides/bare-koffi.ts';
import { asyncRoundTrip, bareRoundTrip, blockingRoundTrip, workerRoundTrip } from '../sides/round-trip.ts';

const BLOCKING = 'fdchannel, blocking';
const ASYNC = 'fdchannel, async';
const CHILD_PROCESS = 'child_process.send';

export default timed({
  name: 'round-trip',
  title: 'Round trip between two processes: send, receive, close, there and back',
  goals: [
    { text: 'a blocking round trip against C', side: BLOCKING, base: 'C', atMost: 1.05 },
    { text: 'an async round trip against a blocking one', side: ASYNC, base: BLOCKING, atMost: 2.2 },
    { text: 'child_process.send against async', side: CHILD_PROCESS, base: ASYNC, atLeast: 4 },
  ],
  bases: ['C', BARE_KOFFI, BLOCKING, ASYNC],
  sides: async (bench) => [
    ...(await bench.peers('round-trip')),
    ...(await bench.peers('round-trip-loop')).map((side) => ({ ...side, name: 'C, poll(2)' })),
    await bareRoundTrip(BARE_KOFFI),
    await blockingRoundTrip(BLOCKING),
    await asyncRoundTrip(ASYNC),
    await workerRoundTrip('fdchannel, worker'),
  ],
});
