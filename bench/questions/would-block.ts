import { timed } from '../harness/timed.ts';
import { BARE_KOFFI, bareKoffi } from '../sides/bare-koffi.ts';
import { FDCHANNEL, fdchannel } from '../sides/fdchannel.ts';

export default timed({
  name: 'would-block',
  title: 'A receive that finds nothing and would block',
  goals: [
    { text: 'a receive that would block against C', side: FDCHANNEL, base: 'C', atMost: 1.45 },
    {
      text: 'a receive that would block against bare koffi',
      side: FDCHANNEL,
      base: BARE_KOFFI,
      atMost: 1.08,
    },
  ],
  bases: ['C', BARE_KOFFI],
  sides: async (bench) => [
    ...(await bench.peers('would-block')),
    ...bench.attempt(BARE_KOFFI, () => bareKoffi('would-block')),
    fdchannel('would-block'),
  ],
});
