import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { createConnection, createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { closeFD } from '../../src/index.ts';
import { assertReceives, assertWorks, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { sameFile } from '../support/descriptors.ts';
import { PASSERS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { memoryFile } from '../support/raw.ts';
import { skip, suite } from '../support/suite.ts';

/** Opens each kind of file that needs no more than a descriptor to be recognized. */
const files: [what: string, open: () => number][] = [
  ['a regular file', () => temporaryFile('text')],
  ['a directory', () => openSync(tmpdir(), 'r')],
  ['/dev/null', () => openSync('/dev/null', 'r+')],
  ['a FIFO', openFifo],
  ['a file in memory', () => memoryFile() ?? skip('no memfd_create(2) here')],
];

function openFifo(): number {
  const directory = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  const path = join(directory, 'fifo');
  try {
    execFileSync('mkfifo', [path]);
    return openSync(path, constants.O_RDWR);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

for (const kind of PASSERS) {
  suite(`what can be sent, ${kind.name}`, (test) => {
    for (const [what, open] of files) {
      test(what, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([open()], (fd) => {
            a.send(fd);
            assertReceives(b, fd);
          }),
        ),
      );
    }

    test('an object that has a descriptor, which stays open', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], (fd) => {
          a.send({ fd });
          assertReceives(b, fd);
        }),
      ));

    test('descriptor 0', () =>
      withChannel(kind, (a, b) => {
        a.send(0);
        assertReceives(b, 0);
      }));

    test('a listening socket, which accepts connections where it arrives', () =>
      withChannel(kind, async (a, b) => {
        const server = createServer();
        const port = await listening(server);
        a.send(server);
        server.close();
        await once(server, 'close');

        const taken = createServer((socket) => socket.end('served'));
        taken.listen({ fd: b.receive(WITHIN_SECONDS) });
        assert.equal(await text(createConnection(port, '127.0.0.1')), 'served');
        taken.close();
        await once(taken, 'close');
      }));

    test('a TCP connection, which goes on where it arrives', () =>
      withChannel(kind, async (a, b) => {
        const server = createServer({ pauseOnConnect: true });
        const client = createConnection(await listening(server), '127.0.0.1');
        const [accepted] = (await once(server, 'connection')) as [Socket];
        client.write('question');
        a.send(accepted);
        accepted.destroy();
        await once(accepted, 'close');

        const taken = new Socket({ fd: b.receive(WITHIN_SECONDS), readable: true, writable: true });
        const [question] = await once(taken, 'data');
        taken.end(`answer to the ${question}`);
        assert.equal(await text(client), 'answer to the question');
        client.destroy();
        server.close();
        await once(server, 'close');
      }));

    test('an end, which is a channel of its own where it arrives', () =>
      withChannel(kind, (a, b) => {
        const [near, far] = kind.pair();
        a.send(far);
        far.destroy();
        const arrived = kind.of(b.receive(WITHIN_SECONDS));
        assertWorks(near, arrived);
        near.destroy();
        arrived.destroy();
      }));

    test('its own socket', () =>
      withChannel(kind, (a, b) => {
        a.send(a);
        const received = b.receive(WITHIN_SECONDS);
        assert.ok(sameFile(received, a.fd));
        closeFD(received);
      }));

    test('the same descriptor as often as wanted', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], (fd) => {
          for (let i = 0; i < 3; i++) a.send(fd);
          for (let i = 0; i < 3; i++) assertReceives(b, fd);
          assert.equal(b.tryReceive(), undefined);
        }),
      ));

    test('sender and receiver share one offset', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile('onetwo')], (fd) => {
          a.send(fd);
          return withDescriptors([b.receive(WITHIN_SECONDS)], (received) => {
            const bytes = Buffer.alloc(3);
            const read = (from: number): string => bytes.toString('utf8', 0, readSync(from, bytes));
            assert.deepEqual([read(fd), read(received), read(fd)], ['one', 'two', '']);
            writeSync(received, 'six');
            assert.equal(read(fd), '');
          });
        }),
      ));

    test('the sender may close at once', () =>
      withChannel(kind, (a, b) => {
        const fd = temporaryFile('text');
        a.send(fd);
        closeSync(fd);
        return withDescriptors([b.receive(WITHIN_SECONDS)], (received) => {
          assert.equal(readSync(received, Buffer.alloc(10)), 4);
        });
      }));
  });
}
