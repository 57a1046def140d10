import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { callInThread } from '../support/calls.ts';
import { WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { identity } from '../support/descriptors.ts';
import { ENDPOINTS } from '../support/ends.ts';
import { temporaryFile } from '../support/files.ts';
import { assertRefused, ENDED, NOTHING_THERE, told } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

/** The tests of gVisor's pkg/fdchannel/fdchannel_test.go. */
for (const kind of ENDPOINTS) {
  suite(`the original's tests, ${kind.type}`, (test) => {
    test('TestSendRecvFD', () =>
      withChannel(kind, (sender, receiver) => {
        const sent = temporaryFile();
        assertRefused(() => receiver.recvFDNonblock(), NOTHING_THERE);
        sender.sendFD(sent);
        const received = receiver.recvFD(WITHIN_SECONDS);
        const { device, inode } = identity(received);
        const original = identity(sent);
        closeFD(received);
        closeSync(sent);
        assert.deepEqual([device, inode], [original.device, original.inode]);
      }));

    test('TestShutdownThenRecvFD', () =>
      withChannel(kind, (sender, receiver) => {
        sender.shutdown();
        assertRefused(() => receiver.recvFD(WITHIN_SECONDS), ENDED);
      }));

    test('TestRecvFDThenShutdown', () =>
      withChannel(kind, async (sender, receiver) => {
        const thread = await callInThread(kind, receiver.fd, ['recvFD']);
        await thread.blocked();
        sender.shutdown();
        assert.deepEqual(await thread.next(), told(ENDED));
        await thread.exit;
      }));
  });
}
