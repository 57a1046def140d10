import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { UnixSocket } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { timed } from '../harness/timed.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { SMALL } from '../sides/messages.ts';

const NET = 'net.Socket';

export default timed({
  name: 'net-echo',
  title:
    '64 bytes of a stream there and back on one event loop, without descriptors, as net.Socket can do it, too',
  bases: [NET],
  sides: async (bench) => [
    ...(await bench.attempt(NET, (name) => netEcho(name, join(bench.temp, 'echo')))),
    ...(await bench.attempt(FDCHANNEL, echo)),
  ],
});

async function netEcho(name: string, path: string): Promise<Side> {
  const server = createServer((far) => far.on('data', (data) => far.write(data))).listen(path);
  await once(server, 'listening');
  const near: Socket = connect(path);
  await once(near, 'connect');
  const data = Buffer.alloc(SMALL, 'x');
  let left = 0;
  let arrived: (() => void) | undefined;
  near.on('data', ({ length }) => {
    left -= length;
    if (left === 0) arrived?.();
  });
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        left = SMALL;
        near.write(data);
        await arrival;
      }
    },
    close() {
      near.destroy();
      server.close();
    },
  });
}

function echo(name: string): Side {
  const [near, far] = UnixSocket.pair('stream');
  const data = Buffer.alloc(SMALL, 'x');
  const echoes = (async () => {
    for await (const message of far) far.sendMessage(message.data);
    far.destroy();
  })();
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        near.sendMessage(data);
        for (let left = SMALL; left > 0; ) {
          const message = await near.recvMessageAsync();
          if (message === null) throw new Error('received the end, which nobody sent');
          left -= message.data.length;
        }
      }
    },
    async close() {
      near.destroy();
      await echoes;
    },
  });
}
