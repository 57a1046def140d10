import { timed } from '../harness/timed.ts';
import { BARE_KOFFI } from '../sides/bare-koffi.ts';
import { bareExchange } from '../sides/bare-message.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { exchange, SMALL } from '../sides/messages.ts';

const C_SEND = 'C, send(2)';

export default timed({
  name: 'data',
  title: 'A message of 64 bytes without descriptors, within one process: send, receive',
  goals: [
    { side: FDCHANNEL, base: 'C', atMost: 1.4 },
    { side: FDCHANNEL, base: BARE_KOFFI, atMost: 1.2 },
  ],
  bases: ['C', C_SEND, BARE_KOFFI],
  sides: async (bench) => [
    ...(await bench.floor('data')),
    ...(await bench.floor('data-send', C_SEND)),
    ...(await bench.attempt(BARE_KOFFI, (name) => bareExchange(name, SMALL, 0))),
    exchange(FDCHANNEL, { bytes: SMALL }),
  ],
});
