import assert from 'node:assert/strict';
import { closeFD, Endpoint } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { callInProcess } from '../support/calls.ts';
import { FRAMINGS, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { drain, observe, recvTag, sendTag, turns } from './waits.ts';

/** Packets for which two processes race. */
const SHARED = 500;

const KEPT = [undefined, 'unref'] as const;

for (const framing of FRAMINGS) {
  suite(`a wake that finds nothing, ${framing}`, (test) => {
    for (const how of KEPT) {
      test(`waits on, and is served later${how ? `, after ${how}` : ''}`, () =>
        withChannel(framing, async (a, b) => {
          const other = new Endpoint(libc().duplicate(b.fd));
          if (how) b[how]();
          const wait = observe(recvTag(b));
          for (let tag = 1; tag <= 50; tag++) {
            sendTag(a, tag);
            // Taken in the tick of the arrival: the event comes all the same, when the poll had begun before.
            assert.deepEqual(drain(other), [tag]);
            await turns(1);
            assert.equal(wait.state, 'pending');
          }
          sendTag(a, 100);
          await turns();
          assert.equal(wait.state, 'fulfilled');
          assert.equal(await wait.promise, 100);
          other.destroy();
        }));
    }

    test('two endpoints that wait on one socket: one wake, one gets it, the other waits on', () =>
      withChannel(framing, async (a, b) => {
        const other = new Endpoint(libc().duplicate(b.fd));
        const waits = [b, other].map((endpoint) => observe(recvTag(endpoint)));
        await turns();
        sendTag(a, 1);
        await turns();
        assert.deepEqual(waits.map(({ state }) => state).sort(), ['fulfilled', 'pending']);
        sendTag(a, 2);
        assert.deepEqual((await Promise.all(waits.map(({ promise }) => promise))).sort(), [1, 2]);
        other.destroy();
      }));

    test('room that another endpoint has filled again: the send waits on', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const other = new Endpoint(libc().duplicate(a.fd));
          fill(a, fd);
          const wait = observe(a.sendFDAsync(fd));
          await turns();
          for (let i = 0; i < 20; i++) {
            drain(b);
            fill(other, fd);
            await turns(1);
            assert.equal(wait.state, 'pending');
          }
          drain(b);
          await wait.promise;
          assert.equal(drain(b).length, 1);
          other.destroy();
        }),
      ));

    test('another process that receives from the same socket: each packet comes to one of them', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const theirs = callInProcess(b.fd, Array(SHARED).fill(['recvFD']));
          // It takes the first, as nobody waits here yet.
          a.sendFD(fd);
          await theirs.next();
          let ours = 0;
          const receive = async (): Promise<void> => {
            for await (const received of b) {
              closeFD(received);
              ours++;
            }
          };
          const received = receive();
          for (let sent = 1; sent < SHARED; sent++) {
            await a.sendFDAsync(fd);
            await turns(1);
          }
          a.shutdown();
          await received;
          let got = 1;
          for (let outcome = await theirs.next(); !outcome.threw; outcome = await theirs.next()) got++;
          await theirs.exit;
          assert.equal(ours + got, SHARED, `${ours} here, ${got} there`);
        }),
      ));
  });
}
