import assert from 'node:assert/strict';
import { closeSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { callInThread } from '../support/calls.ts';
import {
  assertRefused,
  ENDED,
  FRAMINGS,
  NOTHING_THERE,
  SOON,
  temporaryFile,
  withChannel,
} from '../support/channel.ts';
import { identity } from '../support/descriptors.ts';
import { suite } from '../support/suite.ts';

/** The tests of gVisor's pkg/fdchannel/fdchannel_test.go. */
for (const framing of FRAMINGS) {
  suite(`the original's tests, ${framing}`, (test) => {
    test('TestSendRecvFD', () =>
      withChannel(framing, (sender, receiver) => {
        const sent = temporaryFile();
        assertRefused(() => receiver.recvFDNonblock(), NOTHING_THERE);
        sender.sendFD(sent);
        const received = receiver.recvFD(SOON);
        const { device, inode } = identity(received);
        const original = identity(sent);
        closeFD(received);
        closeSync(sent);
        assert.deepEqual([device, inode], [original.device, original.inode]);
      }));

    test('TestShutdownThenRecvFD', () =>
      withChannel(framing, (sender, receiver) => {
        sender.shutdown();
        assertRefused(() => receiver.recvFD(SOON), ENDED);
      }));

    test('TestRecvFDThenShutdown', () =>
      withChannel(framing, async (sender, receiver) => {
        const thread = await callInThread(receiver.fd, ['recvFD']);
        assert.equal(await thread.blocked(), 'poll');
        sender.shutdown();
        assert.deepEqual(await thread.next(), { threw: { name: 'ChannelError', code: ENDED[1] } });
        await thread.exit;
      }));
  });
}
