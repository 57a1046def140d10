import { UnixListener, UnixSocket } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { timed } from '../harness/timed.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';

export default timed({
  name: 'connect',
  title: 'Connect to an abstract name, accept, and destroy both, within one process',
  goals: [{ side: FDCHANNEL, base: 'C', atMost: 1.5 }],
  bases: ['C'],
  sides: async (bench) => [
    ...(await bench.floor('connect')),
    ...(await bench.attempt(FDCHANNEL, connections)),
  ],
});

function connections(name: string): Side {
  const address = `\0fdchannel-bench-${process.pid}`;
  const listener = UnixListener.listen(address, { type: 'seqpacket' });
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        const near = UnixSocket.connect(address, { type: 'seqpacket' });
        const far = listener.accept();
        near.destroy();
        far.destroy();
      }
    },
    close: () => listener.destroy(),
  });
}
