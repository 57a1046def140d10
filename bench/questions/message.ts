import { timed } from '../harness/timed.ts';
import { BARE_KOFFI } from '../sides/bare-koffi.ts';
import { bareExchange } from '../sides/bare-message.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { exchange, SMALL } from '../sides/messages.ts';

export default timed({
  name: 'message',
  title: 'A message of 64 bytes with one descriptor, within one process: send, receive, close',
  goals: [
    { side: FDCHANNEL, base: 'C', atMost: 1.35 },
    { side: FDCHANNEL, base: 'Go', atMost: 1 },
    { side: FDCHANNEL, base: 'Python', atMost: 1 },
  ],
  bases: ['C', BARE_KOFFI, 'Go', 'Python'],
  sides: async (bench) => [
    ...(await bench.peers('message')),
    ...(await bench.attempt(BARE_KOFFI, (name) => bareExchange(name, SMALL, 1))),
    exchange(FDCHANNEL, { bytes: SMALL, descriptors: 1 }),
  ],
});
