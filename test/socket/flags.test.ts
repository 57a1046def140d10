import assert from 'node:assert/strict';
import { constants, fstatSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { callInProcess } from '../support/calls.ts';
import { recvTag, sendTag, withChannel } from '../support/channel.ts';
import { type End, PASSERS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { setNonblocking, statusFlags } from '../support/raw.ts';
import { assertRefused, RECEIVE_TIMED_OUT } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { aborting, turns } from '../support/waits.ts';

/** Begins two receives, of which one is served and the other aborted. */
async function waitOnce(own: End, peer: End, file: number): Promise<void> {
  const { signal, abort } = aborting();
  const received = own.receiveAsync();
  const aborted = own.receiveAsync({ signal }).catch(() => {});
  await turns(1);
  peer.send(file);
  closeFD(await received);
  abort();
  await aborted;
}

for (const kind of PASSERS) {
  suite(`the socket's own flags, ${kind.name}`, (test) => {
    for (const nonblocking of [false, true]) {
      test(`are the same before, during and after waits, ${nonblocking ? 'O_NONBLOCK' : 'blocking'}`, () =>
        withChannel(kind, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            if (nonblocking) for (const end of [a, b]) setNonblocking(end.fd);
            const flags = (): number[] => [a, b].map((end) => statusFlags(end.fd));
            const before = flags();
            assert.equal(
              (before[0] as number) & constants.O_NONBLOCK,
              nonblocking ? constants.O_NONBLOCK : 0,
            );
            const received = recvTag(b);
            assert.deepEqual(flags(), before, 'as soon as it waits');
            await turns();
            assert.deepEqual(flags(), before, 'while it waits');
            sendTag(a, 1);
            await received;
            assert.deepEqual(flags(), before, 'when it has come');
            const full = kind.fill(a, fd);
            const sent = a.sendAsync(fd);
            await turns();
            assert.deepEqual(flags(), before, 'while a send waits');
            for (let i = 0; i <= full; i++) await recvTag(b);
            await sent;
            assert.deepEqual(flags(), before, 'when it was sent');
            const number = b.detach();
            assert.equal(statusFlags(number), before[1], 'when the socket was given away');
            closeFD(number);
          }),
        ));
    }

    test('another process that shares the sockets never sees O_NONBLOCK', () =>
      withDescriptors([temporaryFile()], async (file) => {
        const [a, b] = kind.pair();
        const looking = startFixture('async-flags.ts', { fds: [a.fd, b.fd] });
        await looking.line();
        let enough = false;
        looking.line().then(() => {
          enough = true;
        });
        // Each end begins its waits anew.
        for (let i = 0; i < 300; i++) {
          const [own, peer] = i % 2 === 0 ? [a, b] : [b, a];
          await waitOnce(own, peer, file);
        }
        for (let i = 0; i < 300 || !enough; i++) {
          const [c, d] = [kind.of(a.fd), kind.of(b.fd)];
          await waitOnce(c, d, file);
          // Only what they wait with goes: the numbers are the others'.
          c.detach();
          d.detach();
        }
        looking.stdin.end();
        assert.equal(await looking.line(), 'seen: 0');
        await looking.exit;
        for (const end of [a, b]) end.destroy();
      }));

    test('blocking receives of another process go on blocking while waits come and go', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const wait = recvTag(b);
          await turns();
          const other = callInProcess(kind, b.fd, [['tryReceive'], ['receive']]);
          assert.deepEqual(await other.next(), {});
          // Had the socket become non-blocking, it would sleep in poll.
          assert.equal(await other.blocked(), 'recvmsg');
          a.send(fd);
          a.send(fd);
          assert.equal(await wait, 0);
          assert.equal((await other.next()).inode, fstatSync(fd).ino);
          await other.exit;
        }),
      ));

    test('a blocking receive with a timeout waits for its time while another receive waits on the loop', () =>
      withChannel(kind, async (a, b) => {
        const wait = recvTag(b);
        await turns();
        assertRefused(() => b.receive({ timeout: 5 }), RECEIVE_TIMED_OUT);
        sendTag(a, 1);
        assert.equal(await wait, 1);
      }));
  });
}
