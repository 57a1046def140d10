import { timed } from '../harness/timed.ts';
import { BARE_KOFFI, bareWouldBlock } from '../sides/bare-koffi.ts';
import { FDCHANNEL, wouldBlock } from '../sides/fdchannel.ts';

export default timed({
  name: 'would-block',
  title: 'A receive that finds nothing and would block',
  goals: [{ side: FDCHANNEL, base: BARE_KOFFI, atMost: 1.08 }],
  bases: ['C', BARE_KOFFI],
  sides: async (bench) => [
    ...(await bench.floor('would-block')),
    ...(await bench.attempt(BARE_KOFFI, bareWouldBlock)),
    wouldBlock(FDCHANNEL),
  ],
});
