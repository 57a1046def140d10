import { join } from 'node:path';
import { createSocket } from '../../src/drop-in/unix-dgram.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { timed } from '../harness/timed.ts';
import { Arrivals } from '../sides/arrivals.ts';
import { SMALL } from '../sides/messages.ts';

const OURS = 'fdchannel/unix-dgram';
const NATIVE = 'unix-dgram';

export default timed({
  name: 'unix-dgram',
  title: 'A datagram of 64 bytes from one socket of unix-dgram to another, on one event loop',
  goals: [{ side: OURS, base: NATIVE, atMost: 1.3 }],
  bases: [NATIVE],
  sides: async (bench) => [
    ...(await bench.peers('datagram')),
    ...(await bench.attempt(OURS, (name) => datagram(name, join(bench.temp, 'datagram')))),
  ],
});

function datagram(name: string, path: string): Side {
  const arrivals = new Arrivals<void>();
  const server = createSocket('unix_dgram', () => arrivals.bring());
  server.bind(path);
  const client = createSocket('unix_dgram');
  client.connect(path);
  const data = Buffer.alloc(SMALL, 'x');
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = arrivals.next();
        client.send(data);
        await arrival;
      }
    },
    close() {
      client.close();
      server.close();
    },
  });
}
