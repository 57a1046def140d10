import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { UnixListener, UnixSocket } from '../../src/index.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { withName } from '../support/named.ts';
import { suite } from '../support/suite.ts';
import { bytes, soon } from './exchange.ts';

const DATA = bytes(2_000_000);

/** What net's address is elsewhere: Node 20 fills the rest of an abstract name with NULs, which are part of it. */
function asNetWrites(address: string): string {
  const fills = address.startsWith('\0') && Number.parseInt(process.versions.node, 10) < 22;
  return fills ? address.padEnd(108, '\0') : address;
}

/** What a net.Socket receives until the end. */
async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Sends and receives more than both buffers hold, both ways at once, and then the end, both ways. */
async function converse(own: UnixSocket, theirs: Socket): Promise<void> {
  const received = everything(theirs);
  theirs.end(DATA);
  const sent = own.sendMessageAsync(DATA, [], { signal: soon() });
  const chunks: Buffer[] = [];
  for await (const { data, fds } of own.messages({ signal: soon() })) {
    assert.deepEqual(fds, []);
    chunks.push(data);
  }
  assert.ok(Buffer.concat(chunks).equals(DATA));
  assert.equal(await sent, DATA.length);
  own.shutdown('write');
  assert.ok((await received).equals(DATA));
}

for (const abstract of [false, true]) {
  suite(`Node’s net, ${abstract ? 'abstract name' : 'path'}`, (test) => {
    test('net listens: data both ways at once, and the end both ways', () =>
      withName(abstract, async ({ ours }) => {
        const server = createServer({ allowHalfOpen: true }).listen(ours);
        try {
          await once(server, 'listening');
          const accepted = once(server, 'connection');
          const own = await UnixSocket.connectAsync(asNetWrites(ours), { type: 'stream', signal: soon() });
          try {
            await converse(own, (await accepted)[0] as Socket);
          } finally {
            own.destroy();
          }
        } finally {
          server.close();
        }
      }));

    test('net connects: data both ways at once, and the end both ways', () =>
      withName(abstract, async ({ ours }) => {
        const listener = UnixListener.listen(asNetWrites(ours), { type: 'stream' });
        const theirs = connect({ path: ours, allowHalfOpen: true });
        try {
          const own = await listener.acceptAsync({ signal: soon() });
          try {
            await converse(own, theirs);
          } finally {
            own.destroy();
          }
        } finally {
          theirs.destroy();
          listener.destroy();
        }
      }));
  });
}

suite('Node’s net and descriptors', (test) => {
  test('net drops descriptors, and keeps their data', () =>
    withName(false, ({ ours }) =>
      withDescriptors([temporaryFile()], async (file) => {
        const listener = UnixListener.listen(ours, { type: 'stream' });
        const theirs = connect(ours);
        try {
          const own = await listener.acceptAsync({ signal: soon() });
          own.sendMessage('with descriptors', [file, file]);
          own.destroy();
          assert.equal((await everything(theirs)).toString(), 'with descriptors');
        } finally {
          theirs.destroy();
          listener.destroy();
        }
      }),
    ));

  test('a net.Socket that was sent goes on as one at the receiver', async () => {
    const [a, b] = UnixSocket.pair('stream');
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const accepted = once(server, 'connection');
    const client = connect(address.port, address.address);
    try {
      const [connection] = (await accepted) as [Socket];
      await a.sendMessageAsync('take over', [connection], { signal: soon() });
      connection.destroy();
      const message = await b.recvMessageAsync({ signal: soon() });
      const taken = new Socket({ fd: message?.fds.shift() as number });
      taken.end('from the receiver');
      assert.equal((await everything(client)).toString(), 'from the receiver');
      client.end();
      taken.resume();
      await once(taken, 'close');
    } finally {
      client.destroy();
      server.close();
      a.destroy();
      b.destroy();
    }
  });
});
