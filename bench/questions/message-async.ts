import { timed } from '../harness/timed.ts';
import { exchange, pendingExchange, SMALL, wokenExchange } from '../sides/messages.ts';

const EPOLL = 'C, epoll';
const BLOCKING = 'fdchannel, blocking';
const PENDING = 'fdchannel, async, pending';
const WOKEN = 'fdchannel, async, woken';
const CONTENT = { bytes: SMALL, descriptors: 1 };

export default timed({
  name: 'message-async',
  title: 'The event loop in one process: send 64 bytes with one descriptor, await recvMessageAsync(), close',
  goals: [
    { side: PENDING, base: BLOCKING, atMost: 1.15 },
    { side: WOKEN, base: BLOCKING, atMost: 1.85 },
    { side: WOKEN, base: EPOLL, atMost: 1.75 },
  ],
  bases: [EPOLL, BLOCKING],
  sides: async (bench) => [
    ...(await bench.floor('message-epoll', EPOLL)),
    exchange(BLOCKING, CONTENT),
    pendingExchange(PENDING, CONTENT),
    wokenExchange(WOKEN, CONTENT),
  ],
});
