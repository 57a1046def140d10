import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFD, descriptorOf, Endpoint, newEndpoint } from '../../src/index.ts';
import { identity, sameFile } from '../support/descriptors.ts';
import { assertConnected, withPair } from '../support/endpoints.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { FRAMINGS, statusFlags } from '../support/raw.ts';
import { bound, listening, unconnected } from '../support/raw-sockets.ts';
import { assertRefused, BAD_TYPE, ENDED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

const makers: [name: string, make: (sockfd: number) => Endpoint][] = [
  ['newEndpoint', newEndpoint],
  ['new Endpoint', (sockfd) => new Endpoint(sockfd)],
];

function messageOf(call: () => unknown): string {
  assertRefused(call, BAD_TYPE);
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  assert.fail('it threw only once');
}

for (const framing of FRAMINGS) {
  suite(`sockets without a peer, ${framing}`, (test) => {
    const states: [what: string, make: () => number][] = [
      ['an unconnected socket', () => unconnected(framing)],
      ['an unconnected socket with a name', () => bound(framing)],
      ['a listening socket', () => listening(framing)],
    ];
    for (const [name, make] of makers) {
      for (const [what, open] of states) {
        test(`${name} refuses ${what}, which stays open and the caller’s`, () =>
          withDescriptors([open()], (fd) => {
            const before = [identity(fd), statusFlags(fd)];
            const message = messageOf(() => make(fd));
            assert.match(message, /^"sockfd": expected a connected AF_UNIX socket .*, got an unconnected /);
            assert.deepEqual([identity(fd), statusFlags(fd)], before);
          }));
      }
    }
  });

  suite(`sockets whose peer has left, ${framing}`, (test) => {
    const leavings: [what: string, leave: (own: Endpoint, peer: Endpoint) => void][] = [
      ['was closed', (_, peer) => peer.destroy()],
      ['was shut down', (_, peer) => peer.shutdown()],
      ['shut its own end down', (own) => own.shutdown()],
    ];
    for (const [name, make] of makers) {
      for (const [what, leave] of leavings) {
        test(`${name} takes the socket of a peer that ${what}, and what that sent before`, () =>
          withPair(framing, (first, peer) =>
            withDescriptors([temporaryFile()], (file) => {
              peer.sendFD(file);
              leave(first, peer);
              const own = make(first.detach());
              const received = own.recvFD();
              assert.ok(sameFile(received, file));
              closeFD(received);
              assertRefused(() => own.recvFD(), ENDED);
              assertRefused(() => own.sendFD(file), ENDED);
              own.destroy();
            }),
          ));
      }
    }
  });
}

suite('sockets connected by path', (test) => {
  test('both ends are taken', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'fdchannel-'));
    const server = createServer({ pauseOnConnect: true });
    server.listen(join(directory, 'socket'));
    await once(server, 'listening');
    const client = connect(join(directory, 'socket'));
    const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
      [Socket],
      unknown,
    ];
    const [a, b] = [newEndpoint(descriptorOf(client)), newEndpoint(descriptorOf(accepted))];
    assertConnected(a, b);
    for (const endpoint of [a, b]) endpoint.detach();
    for (const socket of [client, accepted]) socket.destroy();
    server.close();
    await once(server, 'close');
    rmSync(directory, { recursive: true });
  });
});

suite('objects instead of sockets', (test) => {
  /** Objects that have a descriptor, which somebody else owns, and what ends them. */
  const objects: [what: string, make: () => Promise<[object: object, end: () => unknown]>][] = [
    [
      'net.Socket',
      async () => {
        const [a, b] = Endpoint.pair('stream');
        const socket = new Socket({ fd: a.detach() });
        return [
          socket,
          async () => {
            socket.destroy();
            await once(socket, 'close');
            b.destroy();
          },
        ];
      },
    ],
    [
      'net.Server',
      async () => {
        const server = createServer().listen(0, '127.0.0.1');
        await once(server, 'listening');
        return [server, () => once(server.close(), 'close')];
      },
    ],
    [
      'dgram.Socket',
      async () => {
        const socket = createSocket('udp4').bind(0, '127.0.0.1');
        await once(socket, 'listening');
        return [socket, () => once(socket.close(), 'close')];
      },
    ],
    [
      'FileHandle',
      async () => {
        const file: FileHandle = await open('/dev/null');
        return [file, () => file.close()];
      },
    ],
    [
      'Endpoint',
      async () => {
        const [a, b] = Endpoint.pair('stream');
        return [
          a,
          () => {
            a.destroy();
            b.destroy();
          },
        ];
      },
    ],
    [
      'object with an fd',
      async () => {
        const [a, b] = Endpoint.pair('stream');
        const fd = a.detach();
        return [
          { fd },
          () => {
            closeFD(fd);
            b.destroy();
          },
        ];
      },
    ],
  ];

  for (const [name, make] of makers) {
    for (const [what, open] of objects) {
      test(`${name} refuses a ${what}, which it leaves alone, and says what to pass instead`, async () => {
        const [object, end] = await open();
        try {
          const before = identity(descriptorOf(object as Endpoint));
          const message = messageOf(() => make(object as unknown as number));
          assert.match(
            message,
            /^"sockfd": expected .*, got an object of \w+, which owns its descriptor: \w+/,
          );
          assert.deepEqual(identity(descriptorOf(object as Endpoint)), before);
        } finally {
          await end();
        }
      });
    }

    test(`${name} refuses what has no descriptor, and says nothing of an owner`, () => {
      for (const value of [null, undefined, '3', 3n, {}, [], () => 3])
        assert.doesNotMatch(
          messageOf(() => make(value as number)),
          /owns/,
        );
    });
  }
});
