import assert from 'node:assert/strict';
import { closeFD, SyscallError, UnixSocket } from '../../src/index.ts';
import { isOpen } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { suite } from '../support/suite.ts';

suite('the disposal of a message', (test) => {
  test('closes every descriptor, also behind one that its owner closed and did not remove', () =>
    withDescriptors([temporaryFile()], (file) => {
      const [a, b] = UnixSocket.pair();
      try {
        a.sendMessage('', [file, file, file, file]);
        const message = b.recvMessage();
        assert.ok(message);
        // Numbers that do not follow each other are closed one by one, which tells what was not open.
        message.fds.reverse();
        const fds = [...message.fds];
        closeFD(fds[1] as number);
        assert.throws(
          () => message[Symbol.dispose](),
          (error) => error instanceof SyscallError && error.code === 'EBADF',
        );
        assert.deepEqual(fds.map(isOpen), [false, false, false, false]);
        assert.deepEqual(message.fds, []);
        message[Symbol.dispose]();
      } finally {
        a.destroy();
        b.destroy();
      }
    }));
});
