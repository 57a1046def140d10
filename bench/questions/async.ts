import { timed } from '../harness/timed.ts';
import { barePollPass } from '../sides/bare-koffi.ts';
import { pass, pendingPass, wokenPass } from '../sides/fdchannel.ts';

const EPOLL = 'C, epoll';
const BLOCKING = 'fdchannel, blocking';
const PENDING = 'fdchannel, async, pending';
const BARE_POLL = 'koffi, bare poll';
const WOKEN = 'fdchannel, async, woken';

export default timed({
  name: 'async',
  title: 'The event loop in one process: send, await recvFDAsync(), close',
  goals: [
    { side: PENDING, base: BLOCKING, atMost: 1.15 },
    { side: WOKEN, base: BLOCKING, atMost: 1.85 },
    { side: WOKEN, base: EPOLL, atMost: 1.75 },
    { side: WOKEN, base: BARE_POLL, percentile: 'p999', atMost: 1 },
  ],
  bases: [EPOLL, BLOCKING, BARE_POLL],
  sides: async (bench) => [
    ...(await bench.floor('pass-epoll', EPOLL)),
    ...(await bench.peers('pass-async')),
    pass(BLOCKING),
    pendingPass(PENDING),
    ...(await bench.attempt(BARE_POLL, barePollPass)),
    wokenPass(WOKEN),
  ],
});
