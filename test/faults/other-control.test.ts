import assert from 'node:assert/strict';
import { ChannelError, type Endpoint } from '../../src/index.ts';
import {
  assertRefused,
  assertWorks,
  ENDED,
  FRAMINGS,
  type Refusal,
  SOON,
  TRUNCATED,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { SO_PASSCRED, SO_PASSPIDFD, sendRaw, switchOff, switchOn } from '../support/raw.ts';
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

function askFor(endpoint: Endpoint, option: number): void {
  if (!switchOn(endpoint.fd, option)) skip(`no socket option ${option} on ${process.platform}`);
}

for (const framing of FRAMINGS) {
  for (const [name, option, withDescriptor, without] of options) {
    suite(`the kernel adds ${name}, ${framing}`, (test) => {
      test('to a message with a descriptor: refused, and nothing leaks', () =>
        withChannel(framing, (peer, endpoint) =>
          withDescriptors([temporaryFile()], (file) => {
            askFor(endpoint, option);
            const before = openDescriptors();
            for (let i = 0; i < 3; i++) {
              peer.sendFD(file);
              assertRefused(() => endpoint.recvFD(SOON), withDescriptor);
            }
            assert.deepEqual(changes(before, openDescriptors()), []);
            switchOff(endpoint.fd, option);
            assertWorks(peer, endpoint);
          }),
        ));

      test('to a message without one: refused, and nothing leaks', () =>
        withChannel(framing, (peer, endpoint) => {
          askFor(endpoint, option);
          const before = openDescriptors();
          for (let i = 0; i < 3; i++) {
            sendRaw(peer.fd, 1);
            assertRefused(() => endpoint.recvFD(SOON), without);
          }
          assert.deepEqual(changes(before, openDescriptors()), []);
          switchOff(endpoint.fd, option);
          assertWorks(peer, endpoint);
        }));

      test('and the end is the end', () =>
        withChannel(framing, (peer, endpoint) => {
          askFor(endpoint, option);
          assert.equal(endpoint.tryRecvFD(), undefined);
          peer.destroy();
          assertRefused(() => endpoint.recvFD(SOON), ENDED);
        }));
    });
  }
}
