import assert from 'node:assert/strict';
import { closeFD, SyscallError } from '../../src/index.ts';
import { assertReceives, assertWorks, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { changes, identity, isOpen, openDescriptors } from '../support/descriptors.ts';
import { ENDS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { socketpair, statusFlags } from '../support/raw.ts';
import { assertRefused, closed } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

for (const kind of ENDS) {
  suite(`the life of an end, ${kind.name}`, (test) => {
    test('detach gives the socket away, open, unchanged, and with what it has queued', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], (file) => {
          b.send(file);
          const { fd } = a;
          const before = [identity(fd), statusFlags(fd)];
          assert.equal(a.detach(), fd);
          assert.deepEqual([identity(fd), statusFlags(fd)], before);
          const again = kind.of(fd);
          assertReceives(again, file);
          assertWorks(again, b);
          again.destroy();
        }),
      ));

    test('destroy leaves what was received open', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], (file) => {
          a.send(file);
          const received = b.receive(WITHIN_SECONDS);
          b.destroy();
          a.destroy();
          assert.ok(isOpen(received));
          closeFD(received);
        }),
      ));

    test('destroy drops what nobody has received', () =>
      withChannel(kind, (a, b) => {
        const [near, far] = kind.pair();
        a.send(far);
        far.destroy();
        assert.equal(near.tryReceive(), undefined, 'the far end is alive in the queue');
        b.destroy();
        assertRefused(() => near.receive(WITHIN_SECONDS), kind.ended.receive);
        near.destroy();
      }));

    test('destroy reports a socket that somebody else has closed, once', () => {
      const [a, b] = kind.pair();
      closeFD(a.fd);
      const message = 'EBADF: bad file descriptor, recvmsg';
      assertRefused(() => a.receive(), [SyscallError, 'EBADF', { message }], 'it knows nothing of that');
      assertRefused(() => a.destroy(), closed('close'));
      a.destroy();
      assert.equal(a.fd, -1);
      b.destroy();
    });

    test('using destroys at the end of the block', () => {
      const before = openDescriptors();
      {
        const sockets = socketpair(kind.type);
        using a = kind.of(sockets[0]);
        using b = kind.of(sockets[1]);
        assertWorks(a, b);
      }
      assert.deepEqual(changes(before, openDescriptors()), []);
    });

    test('descriptor 0 is a socket as any other', async () => {
      const fixture = startFixture('owns-zero.ts', { args: [kind.name] });
      const { code, stdout, stderr } = await fixture.exit;
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' });
    });

    test('shutdown leaves the socket open', () =>
      withChannel(kind, (a) => {
        const { fd } = a;
        const before = identity(fd);
        a.shutdown();
        assert.deepEqual([a.fd, identity(fd)], [fd, before]);
      }));
  });
}
