import type { Peer } from '../peer.ts';

const peer: Peer = {
  name: 'C',
  operations: [
    'pass',
    'pass-stream',
    'send',
    'receive',
    'close',
    'would-block',
    'round-trip',
    'round-trip-loop',
    'pass-threaded',
    'send-threaded',
    'receive-threaded',
    'close-threaded',
    'would-block-threaded',
  ],
  tool: {
    name: 'cc',
    version: ['cc', '--version'],
    get: 'any C compiler, such as apt-get install gcc libc6-dev',
  },
  always: true,
  build: (source, output) => ['cc', '-O2', '-pthread', '-o', output, `${source}/floor.c`],
  start: (_source, output) => [output],
};
export default peer;
