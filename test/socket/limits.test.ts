import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { withChannel } from '../support/channel.ts';
import { PASSERS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { canDropPrivileges } from '../support/other-user.ts';
import { LIMITED, startFixture } from '../support/processes.ts';
import { told } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

const EMFILE = { threw: { name: 'SyscallError', code: 'EMFILE', syscall: 'socketpair' } };

for (const kind of PASSERS) {
  suite(`limits, ${kind.name}`, (test) => {
    test('a receiver out of descriptors loses what comes, is told so, and goes on', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (first, last) => {
          for (const fd of [first, 0, 0, last]) a.send(fd as number);
          const fixture = startFixture('receives-at-limit.ts', {
            prefix: LIMITED,
            args: [kind.name],
            fds: [b.fd],
          });
          const { code, stdout, stderr } = await fixture.exit;
          assert.equal(code, 0, stderr);
          const { atLimit, newEnd, ...steps } = JSON.parse(stdout);
          assert.equal(atLimit.threw.code, 'EMFILE', 'the child was out of descriptors');
          assert.equal(newEnd, 3, 'an end needs no descriptor of its own');
          const lost = told(kind.lost);
          assert.deepEqual(steps, {
            lost: [lost, lost],
            noPair: EMFILE,
            halfAPair: EMFILE,
            nothing: 'nothing',
            inodes: [first, last].map((fd) => fstatSync(fd as number).ino),
            leaked: [],
          });
        }),
      ));

    test('an unprivileged sender of too many descriptors is told, and goes on when they are received', async () => {
      if (process.platform !== 'linux')
        skip(`only Linux counts descriptors on their way, not ${process.platform}`);
      if (!canDropPrivileges()) skip('root, which no limit holds, cannot become another user here');
      const fixture = startFixture('sends-unprivileged.ts', { prefix: LIMITED, args: [kind.name] });
      const { code, stdout, stderr } = await fixture.exit;
      assert.equal(code, 0, stderr);
      const { sent, received, refusal } = JSON.parse(stdout);
      assert.match(refusal.message, /^ETOOMANYREFS: Too many references.*, sendmsg$/);
      assert.deepEqual(refusal, {
        name: 'SyscallError',
        message: refusal.message,
        code: 'ETOOMANYREFS',
        errno: -109,
        syscall: 'sendmsg',
      });
      assert.ok(sent > 0 && sent === received, `${sent} sent, ${received} received`);
    });
  });
}
