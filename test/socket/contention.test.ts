import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { callInProcess } from '../support/calls.ts';
import { drain, recvTag, sendTag, withChannel } from '../support/channel.ts';
import { ENDS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { duplicate } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { observe, turns } from '../support/waits.ts';

/** Packets for which two processes race. */
const SHARED = 500;

const KEPT = [undefined, 'unref'] as const;

for (const kind of ENDS) {
  suite(`a wake that finds nothing, ${kind.name}`, (test) => {
    for (const how of KEPT) {
      test(`waits on, and is served later${how ? `, after ${how}` : ''}`, () =>
        withChannel(kind, async (a, b) => {
          const other = kind.of(duplicate(b.fd));
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

    test('two ends that wait on one socket: one wake, one gets it, the other waits on', () =>
      withChannel(kind, async (a, b) => {
        const other = kind.of(duplicate(b.fd));
        const waits = [b, other].map((end) => observe(recvTag(end)));
        await turns();
        sendTag(a, 1);
        await turns();
        assert.deepEqual(waits.map(({ state }) => state).sort(), ['fulfilled', 'pending']);
        sendTag(a, 2);
        assert.deepEqual((await Promise.all(waits.map(({ promise }) => promise))).sort(), [1, 2]);
        other.destroy();
      }));

    test('room that another end has filled again: the send waits on', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const other = kind.of(duplicate(a.fd));
          kind.fill(a, fd);
          const wait = observe(a.sendAsync(fd));
          await turns();
          for (let i = 0; i < 20; i++) {
            drain(b);
            kind.fill(other, fd);
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
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const theirs = callInProcess(kind, b.fd, Array(SHARED).fill(['receive']));
          // It takes the first, as nobody waits here yet.
          a.send(fd);
          await theirs.next();
          let ours = 0;
          const receive = async (): Promise<void> => {
            for await (const received of b.iterate()) {
              closeFD(received);
              ours++;
            }
          };
          const received = receive();
          for (let sent = 1; sent < SHARED; sent++) {
            await a.sendAsync(fd);
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
