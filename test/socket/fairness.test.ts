import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { closeFD, SyscallError } from '../../src/index.ts';
import { recvTag, sendTag, withChannel } from '../support/channel.ts';
import { ENDPOINTS, ENDS, type End, type Kind } from '../support/ends.ts';
import { sendRaw } from '../support/raw.ts';
import { assertRejects, NO_DESCRIPTOR, TRUNCATED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { observe, turns } from '../support/waits.ts';

/** A number that nobody has. */
const NOT_OPEN = 2 ** 31 - 1;

/** Far more calls than the event loop needs turns for everything else. */
const AT_MOST = 100_000;

type Call = (a: End, b: End) => Promise<unknown>;

/** What a caller may await in a loop, and which never has to wait. */
function calls(kind: Kind): [what: string, call: Call][] {
  const { ended } = kind;
  return [
    [
      'a send and a receive, both of which succeed',
      async (a, b) => {
        await a.sendAsync(0);
        closeFD(await b.receiveAsync());
      },
    ],
    [
      'a send that succeeds',
      async (a, b) => {
        await a.sendAsync(0);
        closeFD(b.receive());
      },
    ],
    [
      'a receive that succeeds',
      async (a, b) => {
        a.send(0);
        closeFD(await b.receiveAsync());
      },
    ],
    [
      'an iteration that always finds something',
      async (a, b) => {
        a.send(0);
        for await (const fd of b.iterate()) {
          closeFD(fd);
          return;
        }
      },
    ],
    [
      'a receive from a peer that shut down',
      (a, b) => {
        a.shutdown();
        return assertRejects(b.receiveAsync(), ended.receive);
      },
    ],
    [
      'a send to a peer that shut down',
      (a, b) => {
        b.shutdown();
        return assertRejects(a.sendAsync(0), ended.send);
      },
    ],
    ['a send of what is not open', (a) => assertRejects(a.sendAsync(NOT_OPEN), [SyscallError, 'EBADF'])],
  ];
}

/** The same with messages that no endpoint sends. */
const faults: [what: string, call: Call][] = [
  [
    'a receive of packets without a descriptor',
    (a, b) => {
      sendRaw(a.fd, 1);
      return assertRejects(b.receiveAsync(), NO_DESCRIPTOR);
    },
  ],
  [
    'a receive of packets with two descriptors',
    (a, b) => {
      sendRaw(a.fd, 1, [0, 0]);
      return assertRejects(b.receiveAsync(), TRUNCATED);
    },
  ],
];

/** Everything else that a program may wait for. @returns when all of it has come */
async function everythingElse(kind: Kind): Promise<void> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const [near, far] = kind.pair();
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

/** Makes the call again and again, until everything else has happened. */
async function assertShares(kind: Kind, call: Call): Promise<void> {
  await withChannel(kind, async (a, b) => {
    let done = false;
    const others = everythingElse(kind).finally(() => {
      done = true;
    });
    let count = 0;
    for (; !done && count < AT_MOST; count++) await call(a, b);
    assert.ok(done, `nothing else happened during ${count} calls`);
    await others;
  });
}

const SHARES = 'lets timers, sockets and other ends have their turn';

for (const kind of ENDPOINTS) {
  suite(`a loop that awaits what is refused at once, ${kind.name}`, (test) => {
    for (const [what, call] of faults) test(`${what} ${SHARES}`, () => assertShares(kind, call));
  });
}

for (const kind of ENDS) {
  suite(`a loop that awaits what never waits, ${kind.name}`, (test) => {
    for (const [what, call] of calls(kind)) test(`${what} ${SHARES}`, () => assertShares(kind, call));

    test('a send that succeeds lets what waits for the other direction have its turn', () =>
      withChannel(kind, async (a, b) => {
        const received = observe(recvTag(a));
        await turns();
        sendTag(b, 1);
        let count = 0;
        for (; received.state === 'pending' && count < AT_MOST; count++) {
          await a.sendAsync(0);
          closeFD(b.receive());
        }
        assert.equal(received.state, 'fulfilled', `after ${count} sends`);
      }));

    test('a receive that succeeds lets what waits for the other direction have its turn', () =>
      withChannel(kind, async (a, b) => {
        const full = kind.fill(a, 0);
        const sent = observe(a.sendAsync(0));
        await turns();
        for (let i = 0; i < full; i++) closeFD(b.receive());
        let count = 0;
        for (; sent.state === 'pending' && count < AT_MOST; count++) {
          b.send(0);
          closeFD(await a.receiveAsync());
        }
        assert.equal(sent.state, 'fulfilled', `after ${count} receives`);
      }));

    test('two such loops share a turn with each other', () =>
      withChannel(kind, (a, b) =>
        withChannel(kind, async (c, d) => {
          const passes = [0, 0];
          const loop = async (index: 0 | 1, from: End, to: End): Promise<void> => {
            while (Math.min(...passes) < 1000 && Math.max(...passes) < AT_MOST) {
              await from.sendAsync(0);
              closeFD(await to.receiveAsync());
              passes[index] = (passes[index] as number) + 1;
            }
          };
          await Promise.all([loop(0, a, b), loop(1, c, d)]);
          assert.ok(Math.min(...passes) >= 1000, `passes: ${passes}`);
        }),
      ));
  });
}
