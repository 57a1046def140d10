import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { LIMITED, startFixture } from '../support/processes.ts';
import { SO_PASSCRED, SO_PASSPIDFD, switchOn } from '../support/raw.ts';
import { assertMessage, PACKETS, TYPES, withFiles, withPair } from '../support/sockets.ts';
import { skip, suite } from '../support/suite.ts';

for (const type of TYPES) {
  suite(`fewer descriptors wanted than sent, ${type}`, (test) => {
    const cases: readonly [sent: number, wanted: readonly number[]][] = [
      [1, [0]],
      [2, [0, 1]],
      [4, [2]],
      // Where CMSG_SPACE were announced, the kernel would install one more than an odd number.
      [6, [0, 1, 2, 3, 4, 5]],
      [253, [0, 1, 98, 99, 252]],
    ];
    for (const [sent, counts] of cases) {
      for (const maxFds of counts) {
        test(`${maxFds} of ${sent}: the first come, in order, the rest is closed, and that is told`, () =>
          withPair(type, (a, b) =>
            withFiles(sent, async (files) => {
              const expected = { data: 'x', files: files.slice(0, maxFds), controlTruncated: true };
              const open = openDescriptors().size;
              for (const receive of [
                () => b.recvMessage({ ...WITHIN_SECONDS, maxFds }),
                () => b.tryRecvMessage({ maxFds }),
                () => b.recvMessageAsync({ maxFds }),
              ]) {
                a.sendMessage('x', files);
                const message = await receive();
                assert.equal(
                  openDescriptors().size,
                  open + maxFds,
                  'no more was installed than was asked for',
                );
                assertMessage(message, expected);
              }
              a.sendMessage('next', [files[0] as number]);
              assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'next', files: files.slice(0, 1) });
              assert.equal(b.tryRecvMessage(), undefined);
            }),
          ));
      }
    }

    test('descriptors that were cut off do not come with later data', () =>
      withPair(type, (a, b) =>
        withFiles(5, (files) => {
          a.sendMessage('one', files.slice(0, 4));
          a.sendMessage('two', files.slice(4));
          a.sendMessage('three');
          const first = { data: 'one', files: files.slice(0, 2), controlTruncated: true };
          assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxFds: 2, maxBytes: 3 }), first);
          assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxFds: 2, maxBytes: 3 }), {
            data: 'two',
            files: files.slice(4),
          });
          assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxFds: 2 }), { data: 'three' });
        }),
      ));

    test('a receiver out of descriptors gets the data, is told what was lost, and the next message whole', () =>
      withPair(type, (a, b) =>
        withFiles(3, async (files) => {
          a.sendMessage('first', files);
          a.sendMessage('some', files);
          a.sendMessage('none', files);
          a.sendMessage('last', files);
          const fixture = startFixture('receives-messages-at-limit.ts', { prefix: LIMITED, fds: [b.fd] });
          const { code, stdout, stderr } = await fixture.exit;
          assert.equal(code, 0, stderr);
          const inodes = files.map((fd) => fstatSync(fd).ino);
          const whole = { inodes, truncated: false, controlTruncated: false };
          assert.deepEqual(JSON.parse(stdout), {
            filled: 'EMFILE',
            messages: [
              { data: 'first', ...whole },
              { data: 'some', ...whole, inodes: inodes.slice(0, 1), controlTruncated: true },
              { data: 'none', ...whole, inodes: [], controlTruncated: true },
              { data: 'last', ...whole },
            ],
            leaked: [],
          });
        }),
      ));

    test("what the kernel adds is no descriptor of the peer's, and is closed", () =>
      withPair(type, (a, b) =>
        withFiles(2, (files) => {
          if (!switchOn(b.fd, SO_PASSCRED) || !switchOn(b.fd, SO_PASSPIDFD)) skip('no SO_PASSPIDFD here');
          const open = openDescriptors().size;
          a.sendMessage('x', files);
          // The pidfd has no room any more behind as many as were asked for, and that is told.
          assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'x', files });
          a.sendMessage('y');
          assertMessage(b.recvMessage(WITHIN_SECONDS), { data: 'y' });
          assert.equal(openDescriptors().size, open);
        }),
      ));
  });
}

for (const type of PACKETS) {
  suite(`empty messages with fewer wanted, ${type}`, (test) => {
    test('none of 2: the message is there, and says so', () =>
      withPair(type, (a, b) =>
        withFiles(2, (files) => {
          a.sendMessage('', files);
          a.sendMessage('');
          assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxFds: 0 }), { controlTruncated: true });
          assertMessage(b.recvMessage({ ...WITHIN_SECONDS, maxFds: 0 }), {});
          assert.equal(b.tryRecvMessage(), undefined);
        }),
      ));

    test('2 of 2, twice: they are not merged', () =>
      withPair(type, (a, b) =>
        withFiles(4, (files) => {
          a.sendMessage('', files.slice(0, 2));
          a.sendMessage('', files.slice(2));
          assertMessage(b.recvMessage(WITHIN_SECONDS), { files: files.slice(0, 2) });
          assertMessage(b.recvMessage(WITHIN_SECONDS), { files: files.slice(2) });
        }),
      ));
  });
}

suite('descriptors on their way', (test) => {
  for (const type of TYPES) {
    test(`an unprivileged sender of too many is told, ${type}`, async () => {
      const { code, stdout, stderr } = await startFixture('sends-messages-unprivileged.ts', {
        prefix: LIMITED,
        args: [type],
      }).exit;
      assert.equal(code, 0, stderr);
      const { refusal, sent, received } = JSON.parse(stdout);
      assert.deepEqual(refusal, { name: 'SyscallError', code: 'ETOOMANYREFS', syscall: 'sendmsg' });
      assert.ok(sent > 0 && received === sent, `${sent} sent, ${received} received`);
    });
  }
});
