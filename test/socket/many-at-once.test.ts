import assert from 'node:assert/strict';
import { withChannel } from '../support/channel.ts';
import { isOpen } from '../support/descriptors.ts';
import { waysOut } from '../support/endings.ts';
import { ENDS } from '../support/ends.ts';
import { tagged, withDescriptors } from '../support/files.ts';
import { suite } from '../support/suite.ts';
import { turns } from '../support/waits.ts';

const MANY = 10_000;

/** The reasons with which waits were rejected, of which many may be one object. */
async function reasonsOf(waits: readonly Promise<unknown>[]): Promise<Set<unknown>> {
  const outcomes = await Promise.allSettled(waits);
  return new Set(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : assert.fail('fulfilled'))),
  );
}

for (const kind of ENDS) {
  suite(`${MANY} waits of one end, ${kind.name}`, (test) => {
    for (const [way, giveUp] of waysOut) {
      // An error costs what its stack costs: ten thousand of them hold a program up for a quarter of a second.
      test(`${way} rejects all receives with one error`, () =>
        withChannel(kind, async (own) => {
          const sockfd = own.fd;
          const waits = Array.from({ length: MANY }, () => own.receiveAsync());
          await turns();
          giveUp(own);
          assert.equal(isOpen(sockfd), false);
          const reasons = await reasonsOf(waits);
          assert.equal(reasons.size, 1);
          const [reason] = reasons;
          assert.equal((reason as NodeJS.ErrnoException).syscall, 'recvmsg');
          assert.match(String((reason as Error).stack), /endings\.ts/, 'it says who gave the end up');
        }));

      test(`${way} rejects receives with one error, and sends with another`, () =>
        withChannel(kind, (own) =>
          withDescriptors([tagged(1)], async (fd) => {
            kind.fill(own, fd);
            const waits = Array.from({ length: 100 }, () => [own.receiveAsync(), own.sendAsync(fd)]).flat();
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
