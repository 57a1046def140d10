import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { sameFile } from '../support/descriptors.ts';
import { type End, LOOP_ENDS, type LoopEnd, type LoopKind } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { socketpair } from '../support/raw.ts';
import { suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const ROUNDS = 200;

/** One round: what is sent comes back. */
type Round = (own: LoopEnd, file: number) => number | Promise<number>;

/** Of the kinds that have it. */
const blocking: Round = (end, file) => {
  const own = end as End;
  own.send(file);
  return own.receive(WITHIN_SECONDS);
};

const async: Round = async (own, file) => {
  const [received] = await Promise.all([own.receiveAsync(), own.sendAsync(file)]);
  return received;
};

interface Side {
  /** How many descriptors it has sent back. */
  readonly count: Promise<unknown>;
  readonly exit: Promise<unknown>;
}

/** Where the other side may be, which owns its socket from now on. */
const places: Record<string, (kind: LoopKind, form: string, sockfd: number) => Promise<Side>> = {
  async 'another process'({ name }, form, sockfd) {
    const { line, exit } = startFixture('async-side.ts', { args: [name, form], fds: [sockfd] });
    closeFD(sockfd);
    return { count: line().then(Number), exit };
  },
  async 'a worker'({ name }, form, sockfd) {
    const { next, exit } = await startWorker('async-side.ts', [name, form, sockfd]);
    return { count: next(), exit };
  },
};

for (const kind of LOOP_ENDS) {
  const forms: Record<string, Round> = 'receivers' in kind ? { blocking, async } : { async };

  for (const [place, start] of Object.entries(places)) {
    suite(`a conversation with ${place}, ${kind.name}`, (test) => {
      for (const theirs of Object.keys(forms)) {
        test(`${theirs} there, ${Object.keys(forms).join(', then ')} here`, () =>
          withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
            const [socket, other] = socketpair(kind.type);
            using own = kind.of(socket);
            const side = await start(kind, theirs, other);
            for (const round of Object.values(forms)) {
              for (let i = 0; i < ROUNDS; i++) {
                const file = files[i % 2] as number;
                const received = await round(own, file);
                assert.ok(sameFile(received, file));
                closeFD(received);
              }
            }
            own.destroy();
            assert.equal(await side.count, ROUNDS * Object.keys(forms).length);
            await side.exit;
          }));
      }
    });
  }
}
