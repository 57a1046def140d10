import { timed } from '../harness/timed.ts';
import { BARE_KOFFI, barePass } from '../sides/bare-koffi.ts';
import { FDCHANNEL, pass } from '../sides/fdchannel.ts';

export default timed({
  name: 'pass',
  title: 'One descriptor within one process: send, receive, close',
  goals: [{ side: FDCHANNEL, base: BARE_KOFFI, atMost: 1.03 }],
  bases: ['C', BARE_KOFFI, 'Go'],
  sides: async (bench) => [
    ...(await bench.peers('pass')),
    ...(await bench.attempt(BARE_KOFFI, barePass)),
    pass(FDCHANNEL),
  ],
});
