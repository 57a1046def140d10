import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { FRAMINGS, TRUNCATED, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { startFixture, startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';

/** Enough for Node and tsx, and few enough to run out of quickly. */
const LIMITED = ['sh', '-c', 'ulimit -n 96; exec "$@"', 'sh'];

const EMFILE = { name: 'SyscallError', code: 'EMFILE', syscall: 'socketpair' };

/** Whether a root of this host may become another user. */
async function canDropPrivileges(): Promise<boolean> {
  if (process.getuid?.() !== 0) return true;
  return (
    (await startProcess(process.execPath, ['-e', 'process.setgid(65534); process.setuid(65534)']).exit)
      .code === 0
  );
}

for (const framing of FRAMINGS) {
  suite(`limits, ${framing}`, (test) => {
    test('a receiver out of descriptors loses what comes, is told so, and goes on', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (first, last) => {
          for (const fd of [first, 0, 0, last]) a.sendFD(fd as number);
          const fixture = startFixture('receives-at-limit.ts', { prefix: LIMITED, fds: [b.fd] });
          const { code, stdout, stderr } = await fixture.exit;
          assert.equal(code, 0, stderr);
          const { atLimit, newEndpoint, ...told } = JSON.parse(stdout);
          assert.equal(atLimit.code, 'EMFILE', 'the child was out of descriptors');
          assert.equal(newEndpoint, 3, 'an endpoint needs no descriptor of its own');
          const lost = { name: 'ChannelError', code: TRUNCATED[1] };
          assert.deepEqual(told, {
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
      if (!(await canDropPrivileges())) skip('root, which no limit holds, cannot become another user here');
      const fixture = startFixture('sends-unprivileged.ts', { prefix: LIMITED, args: [framing] });
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
