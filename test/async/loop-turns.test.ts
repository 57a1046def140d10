import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { channel, FRAMINGS, withChannel } from '../support/channel.ts';
import { fill, sendRaw } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { observe, recvTag, sendTag, turns } from './waits.ts';

/** A number that nobody has. */
const NOT_OPEN = 2 ** 31 - 1;

/** Far more calls than the event loop needs turns for everything else. */
const TOO_MANY = 100_000;

type Call = (a: Endpoint, b: Endpoint) => Promise<unknown>;

const caught = async (call: Promise<unknown>, code: string): Promise<void> => {
  await assert.rejects(call, { code });
};

/** What a caller may await in a loop, and which never has to wait. */
const calls: [what: string, call: Call][] = [
  [
    'a send and a receive, both of which succeed',
    async (a, b) => {
      await a.sendFDAsync(0);
      closeFD(await b.recvFDAsync());
    },
  ],
  [
    'a send that succeeds',
    async (a, b) => {
      await a.sendFDAsync(0);
      closeFD(b.recvFDNonblock());
    },
  ],
  [
    'a receive that succeeds',
    async (a, b) => {
      a.sendFD(0);
      closeFD(await b.recvFDAsync());
    },
  ],
  [
    'an iteration that always finds something',
    async (a, b) => {
      a.sendFD(0);
      for await (const fd of b) {
        closeFD(fd);
        return;
      }
    },
  ],
  [
    'a receive of packets without a descriptor',
    async (a, b) => {
      sendRaw(a.fd, 1);
      await caught(b.recvFDAsync(), 'ERR_FDCHANNEL_NO_DESCRIPTOR');
    },
  ],
  [
    'a receive of packets with two descriptors',
    async (a, b) => {
      sendRaw(a.fd, 1, [0, 0]);
      await caught(b.recvFDAsync(), 'ERR_FDCHANNEL_CONTROL_TRUNCATED');
    },
  ],
  [
    'a receive from a peer that shut down',
    async (a, b) => {
      a.shutdown();
      await caught(b.recvFDAsync(), 'ERR_FDCHANNEL_ENDED');
    },
  ],
  [
    'a send to a peer that shut down',
    async (a, b) => {
      b.shutdown();
      await caught(a.sendFDAsync(0), 'ERR_FDCHANNEL_ENDED');
    },
  ],
  [
    'a send of what is not open',
    async (a) => {
      await caught(a.sendFDAsync(NOT_OPEN), 'EBADF');
    },
  ],
];

/** Everything else that a program may wait for. @returns when all of it has come */
async function everythingElse(): Promise<void> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [near, far] = channel('seqpacket');
  const echo = async (): Promise<void> => {
    const client = createConnection((server.address() as AddressInfo).port, '127.0.0.1');
    client.write('x');
    await once(client, 'data');
    client.end();
    await once(client, 'close');
  };
  const pass = async (): Promise<void> => {
    const wait = recvTag(far);
    setImmediate(sendTag, near, 1);
    assert.equal(await wait, 1);
  };
  await Promise.all([echo(), pass(), delay(1), delay(2)]);
  near.destroy();
  far.destroy();
  server.close();
  await once(server, 'close');
}

for (const framing of FRAMINGS) {
  suite(`a loop that awaits what never waits, ${framing}`, (test) => {
    for (const [what, call] of calls) {
      test(`${what} lets timers, sockets and other endpoints have their turn`, () =>
        withChannel(framing, async (a, b) => {
          let done = false;
          const others = everythingElse().finally(() => {
            done = true;
          });
          let count = 0;
          for (; !done && count < TOO_MANY; count++) await call(a, b);
          assert.ok(done, `nothing else happened during ${count} calls`);
          await others;
        }));
    }

    test('a send that succeeds lets what waits for the other direction have its turn', () =>
      withChannel(framing, async (a, b) => {
        const received = observe(recvTag(a));
        await turns();
        sendTag(b, 1);
        let count = 0;
        for (; received.state === 'pending' && count < TOO_MANY; count++) {
          await a.sendFDAsync(0);
          closeFD(b.recvFDNonblock());
        }
        assert.equal(received.state, 'fulfilled', `after ${count} sends`);
      }));

    test('a receive that succeeds lets what waits for the other direction have its turn', () =>
      withChannel(framing, async (a, b) => {
        const full = fill(a, 0);
        const sent = observe(a.sendFDAsync(0));
        await turns();
        for (let i = 0; i < full; i++) closeFD(b.recvFDNonblock());
        let count = 0;
        for (; sent.state === 'pending' && count < TOO_MANY; count++) {
          b.sendFD(0);
          closeFD(await a.recvFDAsync());
        }
        assert.equal(sent.state, 'fulfilled', `after ${count} receives`);
      }));

    test('two such loops share a turn with each other', () =>
      withChannel(framing, (a, b) =>
        withChannel(framing, async (c, d) => {
          const passes = [0, 0];
          const loop = async (index: 0 | 1, from: Endpoint, to: Endpoint): Promise<void> => {
            while (Math.min(...passes) < 1000 && Math.max(...passes) < TOO_MANY) {
              await from.sendFDAsync(0);
              closeFD(await to.recvFDAsync());
              passes[index] = (passes[index] as number) + 1;
            }
          };
          await Promise.all([loop(0, a, b), loop(1, c, d)]);
          assert.ok(Math.min(...passes) >= 1000, `passes: ${passes}`);
        }),
      ));
  });
}
