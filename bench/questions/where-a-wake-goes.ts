import { fileURLToPath } from 'node:url';
import { stack } from '../harness/layers.ts';
import { connectPeer } from '../harness/peer.ts';
import type { Question, Side } from '../harness/question.ts';
import { bareWake } from '../sides/bare-loop.ts';
import { FDCHANNEL, wokenPass } from '../sides/fdchannel.ts';
import { confineEnds } from '../sides/processors.ts';
import { asyncRoundTrip, bareLoopRoundTrip } from '../sides/round-trip.ts';

const EPOLL = 'C, epoll';
const NESTED = 'C, epoll in epoll';
const THREADED = 'C, epoll in epoll, two threads';
const BARE = 'koffi, bare, on the loop';
const MANY = 4000;
const ALONE_PROCESS = fileURLToPath(new URL('../sides/alone.js', import.meta.url));

/** What each side has more than the one before: of a wake in C, an instance of epoll(7) within another one, and so on. */
const KERNEL = { layer: 'system calls', side: 'C' };
const LOOP = { layer: 'epoll', side: EPOLL };
const NODE = { layer: 'Node’s loop and FFI', side: BARE };
const LIBRARY = { layer: 'fdchannel', side: FDCHANNEL };
const WAKE = [
  KERNEL,
  LOOP,
  { layer: 'epoll in epoll', side: NESTED },
  { layer: 'being threaded', side: THREADED },
  NODE,
  LIBRARY,
];
const OTHERS = [KERNEL, LOOP, NODE, LIBRARY];

const question: Question = {
  name: 'where-a-wake-goes',
  title: 'Where a wake goes: C, its epoll(7), koffi’s calls on Node’s loop, fdchannel',
  async measure(bench) {
    await stack(bench, 'wake', WAKE, [
      ...(await bench.floor('pass')),
      ...(await bench.floor('pass-epoll', EPOLL)),
      ...(await bench.floor('pass-nested', NESTED)),
      ...(await bench.floor('pass-nested-threaded', THREADED)),
      ...(await bench.attempt(BARE, (name) => bareWake(name, 1))),
      wokenPass(FDCHANNEL),
    ]);
    if (bench.stopped) return;
    await stack(bench, `wake among ${MANY}`, OTHERS, [
      ...(await bench.floor('pass')),
      ...(await bench.floor(`wake-${MANY}`, EPOLL)),
      ...(await bench.attempt(BARE, (name) => wakeAmong(name, 'bare'))),
      ...(await bench.attempt(FDCHANNEL, (name) => wakeAmong(name, 'fdchannel'))),
    ]);
    if (bench.stopped) return;
    try {
      confineEnds(1);
    } catch (error) {
      bench.missing({ side: 'the round trip', reason: (error as Error).message });
      return;
    }
    await stack(bench, 'round trip on one processor', OTHERS, [
      ...(await bench.floor('round-trip')),
      ...(await bench.floor('round-trip-epoll', EPOLL)),
      ...(await bench.attempt(BARE, bareLoopRoundTrip)),
      await asyncRoundTrip(FDCHANNEL),
    ]);
  },
};
export default question;

/** In a process of its own, as both together would need more descriptors than most processes may have. */
function wakeAmong(name: string, library: 'bare' | 'fdchannel'): Promise<Side> {
  return connectPeer({ name, command: [process.execPath, ALONE_PROCESS, library, `${MANY}`] }, 'wake');
}
