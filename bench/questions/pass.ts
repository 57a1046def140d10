import { timed } from '../harness/timed.ts';
import { BARE_KOFFI, bareKoffi } from '../sides/bare-koffi.ts';
import { FDCHANNEL, fdchannel } from '../sides/fdchannel.ts';

export default timed({
  name: 'pass',
  title: 'One descriptor within one process: send, receive, close',
  goals: [
    { text: 'a pass against C', side: FDCHANNEL, base: 'C', atMost: 1.12 },
    { text: 'a pass against bare koffi', side: FDCHANNEL, base: BARE_KOFFI, atMost: 1.03 },
    { text: 'a pass against Go', side: FDCHANNEL, base: 'Go', atMost: 1 },
  ],
  bases: ['C', BARE_KOFFI, 'Go'],
  sides: async (bench) => [
    ...(await bench.peers('pass')),
    ...bench.attempt(BARE_KOFFI, () => bareKoffi('pass')),
    fdchannel('pass'),
  ],
});
