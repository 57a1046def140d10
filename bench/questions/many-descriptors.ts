import { timed } from '../harness/timed.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { exchange, SMALL } from '../sides/messages.ts';

export default timed({
  name: 'many-descriptors',
  title: 'A message with 253 descriptors, within one process: send, receive, close all',
  goals: [{ side: FDCHANNEL, base: 'C', atMost: 1.25 }],
  bases: ['C'],
  sides: async (bench) => [
    ...(await bench.floor('many')),
    exchange(FDCHANNEL, { bytes: SMALL, descriptors: 253 }),
  ],
});
