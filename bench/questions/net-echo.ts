import { UnixSocket } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { timed } from '../harness/timed.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { SMALL } from '../sides/messages.ts';
import { NET, STREAM, streamEcho } from '../sides/streams.ts';

export default timed({
  name: 'net-echo',
  title:
    '64 bytes of a stream there and back on one event loop, without descriptors, as net.Socket can do it, too',
  goals: [{ side: STREAM, base: NET, atMost: 1.35 }],
  bases: [NET],
  sides: () => [streamEcho(NET, SMALL), streamEcho(STREAM, SMALL), echo(FDCHANNEL)],
});

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
