import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { closeFD, Endpoint } from '../../src/index.ts';
import { callInThread } from '../support/calls.ts';
import { channel, FRAMINGS, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { startFixture } from '../support/processes.ts';
import { fill, setNonblocking, statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { recvTag, sendTag, turns } from './waits.ts';

/** Begins a wait in each direction, of which the receive is served and the send aborted. */
async function waitOnce(own: Endpoint, peer: Endpoint, file: number): Promise<void> {
  const { signal, abort } = withAbort();
  const received = own.recvFDAsync();
  const aborted = own.recvFDAsync({ signal }).catch(() => {});
  await turns(1);
  peer.sendFD(file);
  closeFD(await received);
  abort();
  await aborted;
}

function withAbort(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

for (const framing of FRAMINGS) {
  suite(`the socket's own flags, ${framing}`, (test) => {
    for (const nonblocking of [false, true]) {
      test(`are the same before, during and after waits, ${nonblocking ? 'O_NONBLOCK' : 'blocking'}`, () =>
        withChannel(framing, (a, b) =>
          withDescriptors([temporaryFile()], async (fd) => {
            if (nonblocking) for (const endpoint of [a, b]) setNonblocking(endpoint.fd);
            const flags = (): number[] => [a, b].map((endpoint) => statusFlags(endpoint.fd));
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
            const full = fill(a, fd);
            const sent = a.sendFDAsync(fd);
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
        const [a, b] = channel(framing);
        const looking = startFixture('async-flags.ts', { fds: [a.fd, b.fd] });
        await looking.line();
        // Each endpoint begins its waits anew: a poll is made, and made again.
        for (let i = 0; i < 300; i++) {
          const [own, peer] = i % 2 === 0 ? [a, b] : [b, a];
          await waitOnce(own, peer, file);
        }
        for (let i = 0; i < 300; i++) {
          const [c, d] = [a, b].map((endpoint) => new Endpoint(endpoint.fd)) as [Endpoint, Endpoint];
          await waitOnce(c, d, file);
          // Only its poll goes: the number is the other endpoint's.
          c.detach();
          d.detach();
        }
        looking.stdin.end();
        assert.deepEqual(JSON.parse(await looking.line()), { seen: 0, enough: true });
        await looking.exit;
        for (const endpoint of [a, b]) endpoint.destroy();
      }));

    test('blocking receives of another thread go on blocking while waits come and go', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], async (fd) => {
          const wait = recvTag(b);
          await turns();
          const thread = await callInThread(b.fd, ['recvFD']);
          // Had the socket become non-blocking, it would sleep in poll.
          assert.equal(await thread.blocked(), 'poll');
          a.sendFD(fd);
          a.sendFD(fd);
          assert.equal(await wait, 0);
          const { result } = await thread.next();
          closeFD(result as number);
          await thread.exit;
        }),
      ));

    test('a blocking receive with a timeout waits for its time while another receive waits on the loop', () =>
      withChannel(framing, async (a, b) => {
        const wait = recvTag(b);
        await turns();
        assert.throws(() => b.recvFD({ timeout: 5 }), { name: 'SyscallError', code: 'ETIMEDOUT' });
        sendTag(a, 1);
        assert.equal(await wait, 1);
      }));
  });
}
