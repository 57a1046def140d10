import { timed } from '../harness/timed.ts';
import { pendingPass, wokenPass } from '../sides/async-pass.ts';
import { barePollPass } from '../sides/bare-poll.ts';
import { fdchannel } from '../sides/fdchannel.ts';

const BLOCKING = 'fdchannel, blocking';
const PENDING = 'fdchannel, async, pending';
const BARE_POLL = 'koffi, bare poll';
const WOKEN = 'fdchannel, async, woken';

export default timed({
  name: 'async',
  title: 'The event loop in one process: send, await recvFDAsync(), close',
  goals: [
    { text: 'woken by the event loop, against a blocking pass', side: WOKEN, base: BLOCKING, atMost: 2.5 },
    {
      text: 'async with something pending, against a blocking pass',
      side: PENDING,
      base: BLOCKING,
      atMost: 1.5,
    },
  ],
  bases: [BLOCKING, BARE_POLL],
  sides: async (bench) => [
    ...(await bench.peers('pass-async')),
    { ...fdchannel('pass'), name: BLOCKING },
    pendingPass(PENDING),
    ...bench.attempt(BARE_POLL, () => barePollPass(BARE_POLL)),
    wokenPass(WOKEN),
  ],
});
