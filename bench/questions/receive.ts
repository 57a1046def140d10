import { timed } from '../harness/timed.ts';
import { BARE_KOFFI, bareKoffi } from '../sides/bare-koffi.ts';
import { fdchannel } from '../sides/fdchannel.ts';

export default timed({
  name: 'receive',
  title: 'Receive alone, one descriptor',
  bases: ['C', BARE_KOFFI],
  sides: async (bench) => [
    ...(await bench.peers('receive')),
    ...bench.attempt(BARE_KOFFI, () => bareKoffi('receive')),
    fdchannel('receive'),
  ],
});
