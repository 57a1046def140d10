import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { FRAMINGS, SOON, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { sameFile } from '../support/descriptors.ts';
import { startFixture } from '../support/processes.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const ROUNDS = 200;

/** One round: what is sent comes back. */
const forms: Record<string, (own: Endpoint, file: number) => number | Promise<number>> = {
  blocking(own, file) {
    own.sendFD(file);
    return own.recvFD(SOON);
  },
  async async(own, file) {
    const [received] = await Promise.all([own.recvFDAsync(), own.sendFDAsync(file)]);
    return received;
  },
};

interface Side {
  /** How many descriptors it has sent back. */
  readonly count: Promise<unknown>;
  readonly exit: Promise<unknown>;
}

/** Where the other side may be; it has its own copy of the socket, or borrows it. */
const places: Record<string, (form: string, sockfd: number) => Promise<Side>> = {
  async 'another process'(form, sockfd) {
    const { line, exit } = startFixture('async-side.ts', { args: [form], fds: [sockfd] });
    return { count: line().then(Number), exit };
  },
  async 'a worker'(form, sockfd) {
    const { next, exit } = await startWorker('async-side.ts', [form, sockfd]);
    return { count: next(), exit };
  },
};

for (const framing of FRAMINGS) {
  for (const [place, start] of Object.entries(places)) {
    suite(`a conversation with ${place}, ${framing}`, (test) => {
      for (const theirs of Object.keys(forms)) {
        test(`${theirs} there, ${Object.keys(forms).join(', then ')} here`, () =>
          withChannel(framing, (own, peer) =>
            withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
              const side = await start(theirs, peer.fd);
              for (const round of Object.values(forms)) {
                for (let i = 0; i < ROUNDS; i++) {
                  const file = files[i % 2] as number;
                  const received = await round(own, file);
                  assert.ok(sameFile(received, file));
                  closeFD(received);
                }
              }
              own.shutdown();
              assert.equal(await side.count, ROUNDS * Object.keys(forms).length);
              await side.exit;
            }),
          ));
      }
    });
  }
}
