import { timed } from '../harness/timed.ts';
import { BARE_KOFFI } from '../sides/bare-koffi.ts';
import { confineEnds } from '../sides/processors.ts';
import {
  asyncRoundTrip,
  bareRoundTrip,
  blockingRoundTrip,
  fromWorkerRoundTrip,
  toWorkerRoundTrip,
} from '../sides/round-trip.ts';

const POLL = 'C, poll(2)';
const EPOLL = 'C, epoll';
const BLOCKING = 'fdchannel, blocking';
const ASYNC = 'fdchannel, async';
const FROM_WORKER = 'fdchannel, from a worker';

/**
 * What a round trip costs: send, receive, close, there and back.
 *
 * Which processors the two ends run on matters more than what they do, and the scheduler changes its mind about that
 * within milliseconds: so the question takes the choice away.
 */
export default timed({
  name: 'round-trip',
  title: 'Round trip between two processes, there and back: on one processor, or on one each',
  axis: { label: 'processors', points: [1, 2] },
  goals: [
    ...[1, 2].map((point) => ({ side: FROM_WORKER, base: BLOCKING, point, atMost: 1.15 })),
    { side: ASYNC, base: POLL, point: 1, atMost: 1.7 },
  ],
  bases: ['C', POLL, EPOLL, BLOCKING, ASYNC],
  // The far ends have their compilers, too.
  budget: { warmUpNs: 300e6 },
  sides: async (bench, processors) => {
    try {
      confineEnds(processors);
    } catch (error) {
      bench.missing({ side: 'every side', reason: (error as Error).message });
      return [];
    }
    return [
      ...(await bench.peers('round-trip')),
      ...(await bench.floor('round-trip-poll', POLL)),
      ...(await bench.floor('round-trip-epoll', EPOLL)),
      ...(await bench.attempt(BARE_KOFFI, bareRoundTrip)),
      await blockingRoundTrip(BLOCKING),
      await fromWorkerRoundTrip(FROM_WORKER),
      await toWorkerRoundTrip('fdchannel, to a worker'),
      await asyncRoundTrip(ASYNC),
    ];
  },
});
