import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream, openSync, readFileSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { closeFD, type DescriptorSource, UnixListener, UnixSocket } from '../../src/index.ts';
import { identity, isOpen, sameFile } from '../support/descriptors.ts';
import { withFolder } from '../support/streams.ts';
import { suite } from '../support/suite.ts';

const FILE = fileURLToPath(import.meta.url);

/** A descriptor that was sent and received, and whether it is still the same one. */
function received(source: DescriptorSource): { fd: number; isThere: () => boolean } {
  const [a, b] = UnixSocket.pair();
  a.sendMessage('', [source]);
  const [fd] = b.recvMessage()?.fds ?? [];
  for (const end of [a, b]) end.destroy();
  assert.ok(fd !== undefined);
  const before = identity(fd);
  return { fd, isThere: () => isOpen(fd) && sameFile(fd, before) };
}

function receivedFile(): { fd: number; isThere: () => boolean } {
  const file = openSync(FILE, 'r');
  try {
    return received(file);
  } finally {
    closeFD(file);
  }
}

suite('who closes a received descriptor', (test) => {
  test('a stream, at its end', async () => {
    const { fd, isThere } = receivedFile();
    const stream = createReadStream('', { fd });
    await once(stream.resume(), 'close');
    assert.equal(isThere(), false);
  });

  test('a stream, when it is destroyed', async () => {
    const { fd, isThere } = receivedFile();
    const stream = createReadStream('', { fd });
    await once(stream, 'readable');
    assert.equal(isThere(), true);
    await once(stream.destroy(), 'close');
    assert.equal(isThere(), false);
  });

  test('the caller, of a stream without autoClose, and of what was read at once', async () => {
    const { fd, isThere } = receivedFile();
    await once(createReadStream('', { fd, autoClose: false, start: 0 }).resume(), 'end');
    assert.equal(isThere(), true);
    readFileSync(fd);
    assert.equal(isThere(), true);
    closeFD(fd);
  });

  test('a server, in close()', () =>
    withFolder(async (folder) => {
      const listener = UnixListener.listen(`${folder}/socket`, { type: 'stream' });
      const { fd, isThere } = received(listener);
      const server = createServer().listen({ fd });
      await once(server, 'listening');
      assert.equal(isThere(), true);
      server.close();
      await once(server, 'close');
      assert.equal(isThere(), false);
      listener.destroy();
    }));

  test('a socket, when it is destroyed', async () => {
    const [ours, theirs] = UnixSocket.pair('stream');
    const { fd, isThere } = received(theirs);
    const socket = new Socket({ fd });
    assert.equal(isThere(), true);
    await once(socket.destroy(), 'close');
    assert.equal(isThere(), false);
    for (const end of [ours, theirs]) end.destroy();
  });

  test('the caller, of a SEQPACKET socket, which Node refuses', () => {
    const [ours, theirs] = UnixSocket.pair('seqpacket');
    const { fd, isThere } = received(theirs);
    assert.throws(() => new Socket({ fd }), { code: 'ERR_INVALID_FD_TYPE' });
    assert.equal(isThere(), true);
    closeFD(fd);
    for (const end of [ours, theirs]) end.destroy();
  });
});
