import assert from 'node:assert/strict';
import { ChannelError } from '../../src/index.ts';
import { assertWorks, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { ENDPOINTS, type End } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { SO_PASSCRED, SO_PASSPIDFD, sendRaw, switchOff, switchOn } from '../support/raw.ts';
import { assertRefused, ENDED, type Refusal, TRUNCATED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

const unexpected = (type: number): Refusal => [
  ChannelError,
  'ERR_FDCHANNEL_UNEXPECTED_CONTROL',
  {
    message: `the peer sent an unexpected control message: got ${NAMES[type]} (1, ${type}), wanted SCM_RIGHTS (1, 1)`,
  },
];

const SCM_CREDENTIALS = 2;
const SCM_PIDFD = 4;
const NAMES: Readonly<Record<number, string>> = {
  [SCM_CREDENTIALS]: 'SCM_CREDENTIALS',
  [SCM_PIDFD]: 'SCM_PIDFD',
};

/** What an option makes of a message with a descriptor, and of one without. */
const options: [name: string, option: number, withDescriptor: Refusal, without: Refusal][] = [
  ['credentials', SO_PASSCRED, unexpected(SCM_CREDENTIALS), unexpected(SCM_CREDENTIALS)],
  // The descriptor has taken the room by then.
  ['a pidfd', SO_PASSPIDFD, TRUNCATED, unexpected(SCM_PIDFD)],
];

function askFor(end: End, option: number): void {
  if (!switchOn(end.fd, option)) skip(`no socket option ${option} on ${process.platform}`);
}

for (const kind of ENDPOINTS) {
  for (const [name, option, withDescriptor, without] of options) {
    suite(`the kernel adds ${name}, ${kind.name}`, (test) => {
      test('to a message with a descriptor: refused, and nothing leaks', () =>
        withChannel(kind, (peer, own) =>
          withDescriptors([temporaryFile()], (file) => {
            askFor(own, option);
            const before = openDescriptors();
            for (let i = 0; i < 3; i++) {
              peer.send(file);
              assertRefused(() => own.receive(WITHIN_SECONDS), withDescriptor);
            }
            assert.deepEqual(changes(before, openDescriptors()), []);
            switchOff(own.fd, option);
            assertWorks(peer, own);
          }),
        ));

      test('to a message without one: refused, and nothing leaks', () =>
        withChannel(kind, (peer, own) => {
          askFor(own, option);
          const before = openDescriptors();
          for (let i = 0; i < 3; i++) {
            sendRaw(peer.fd, 1);
            assertRefused(() => own.receive(WITHIN_SECONDS), without);
          }
          assert.deepEqual(changes(before, openDescriptors()), []);
          switchOff(own.fd, option);
          assertWorks(peer, own);
        }));

      test('and the end is the end', () =>
        withChannel(kind, (peer, own) => {
          askFor(own, option);
          assert.equal(own.tryReceive(), undefined);
          peer.destroy();
          assertRefused(() => own.receive(WITHIN_SECONDS), ENDED);
        }));
    });
  }
}
