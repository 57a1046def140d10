import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { FRAMINGS, withChannel, withDescriptors } from '../support/channel.ts';
import { isOpen } from '../support/descriptors.ts';
import { fill } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { tagged, turns } from './waits.ts';

const MANY = 10_000;

const ways: [way: string, giveUp: (own: Endpoint) => void][] = [
  ['destroy', (own) => own.destroy()],
  ['detach', (own) => closeFD(own.detach())],
];

/** The reasons with which waits were rejected, of which many may be one object. */
async function reasonsOf(waits: readonly Promise<unknown>[]): Promise<Set<unknown>> {
  const outcomes = await Promise.allSettled(waits);
  return new Set(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : assert.fail('fulfilled'))),
  );
}

for (const framing of FRAMINGS) {
  suite(`${MANY} waits of one endpoint, ${framing}`, (test) => {
    for (const [way, giveUp] of ways) {
      // An error costs what its stack costs: ten thousand of them hold a program up for a quarter of a second.
      test(`${way} rejects all receives with one error`, () =>
        withChannel(framing, async (own) => {
          const sockfd = own.fd;
          const waits = Array.from({ length: MANY }, () => own.recvFDAsync());
          await turns();
          giveUp(own);
          assert.equal(isOpen(sockfd), false);
          const reasons = await reasonsOf(waits);
          assert.equal(reasons.size, 1);
          const [reason] = reasons;
          assert.equal((reason as NodeJS.ErrnoException).syscall, 'recvmsg');
          assert.match(String((reason as Error).stack), /many-at-once/, 'it says who gave the endpoint up');
        }));

      test(`${way} rejects receives with one error, and sends with another`, () =>
        withChannel(framing, (own) =>
          withDescriptors([tagged(1)], async (fd) => {
            fill(own, fd);
            const waits = Array.from({ length: 100 }, () => [own.recvFDAsync(), own.sendFDAsync(fd)]).flat();
            giveUp(own);
            const reasons = await reasonsOf(waits);
            assert.equal(reasons.size, 2);
            const syscalls = [...reasons].map((reason) => (reason as NodeJS.ErrnoException).syscall);
            assert.deepEqual(syscalls.sort(), ['recvmsg', 'sendmsg']);
          }),
        ));
    }
  });
}
