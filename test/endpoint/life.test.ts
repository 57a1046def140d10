import assert from 'node:assert/strict';
import { closeFD, Endpoint, SyscallError } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import {
  assertReceives,
  assertRefused,
  assertWorks,
  channel,
  ENDED,
  FRAMINGS,
  type Refusal,
  SOON,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { changes, identity, isOpen, openDescriptors } from '../support/descriptors.ts';
import { statusFlags } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

const BADF: Refusal = [SyscallError, 'EBADF', { errno: -9 }];

const calls: [method: string, call: (endpoint: Endpoint) => unknown][] = [
  ['sendFD', (endpoint) => endpoint.sendFD(0)],
  ['recvFD', (endpoint) => endpoint.recvFD(SOON)],
  ['recvFDNonblock', (endpoint) => endpoint.recvFDNonblock()],
  ['tryRecvFD', (endpoint) => endpoint.tryRecvFD()],
  ['shutdown', (endpoint) => endpoint.shutdown()],
  ['detach', (endpoint) => endpoint.detach()],
  ['ref', (endpoint) => endpoint.ref()],
  ['unref', (endpoint) => endpoint.unref()],
];

/** Ways to end an endpoint without closing what its number may refer to later. */
const endings: [name: string, end: (endpoint: Endpoint) => void][] = [
  ['destroy', (endpoint) => endpoint.destroy()],
  ['Symbol.dispose', (endpoint) => endpoint[Symbol.dispose]()],
  ['detach', (endpoint) => closeFD(endpoint.detach())],
];

for (const framing of FRAMINGS) {
  suite(`the life of an endpoint, ${framing}`, (test) => {
    for (const [name, end] of endings) {
      test(`${name} closes the socket once, whatever is called afterwards`, () => {
        const before = openDescriptors();
        const [a, b] = channel(framing);
        const { fd } = a;
        end(a);
        assert.ok(!isOpen(fd));
        for (let i = 0; i < 2; i++) {
          a.destroy();
          a[Symbol.dispose]();
        }
        assertRefused(() => b.recvFD(SOON), ENDED);
        end(b);
        assert.deepEqual(changes(before, openDescriptors()), []);
      });

      test(`after ${name} no method touches what has the number now`, () => {
        const [old, peer] = channel(framing);
        const { fd } = old;
        end(old);
        peer.destroy();
        const [near, far] = channel(framing);
        assert.ok([near.fd, far.fd].includes(fd), 'the number is in use again');

        // Had any call reached the kernel, it would have sent, received, shut down or closed here.
        return withDescriptors([temporaryFile()], (file) => {
          far.sendFD(file);
          near.sendFD(file);
          for (const [method, call] of calls) assertRefused(() => call(old), BADF, method);
          old.destroy();
          old[Symbol.dispose]();
          assert.equal(old.fd, -1);
          assertReceives(near, file);
          assertReceives(far, file);
          assertWorks(near, far);
          near.destroy();
          far.destroy();
        });
      });
    }

    test('detach gives the socket away, open, unchanged, and with what it has queued', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], (file) => {
          b.sendFD(file);
          const { fd } = a;
          const before = [identity(fd), statusFlags(fd)];
          assert.equal(a.detach(), fd);
          assert.deepEqual([identity(fd), statusFlags(fd)], before);
          const again = new Endpoint(fd);
          assertReceives(again, file);
          assertWorks(again, b);
          again.destroy();
        }),
      ));

    test('destroy leaves what was received open', () =>
      withChannel(framing, (a, b) =>
        withDescriptors([temporaryFile()], (file) => {
          a.sendFD(file);
          const received = b.recvFD(SOON);
          b.destroy();
          a.destroy();
          assert.ok(isOpen(received));
          closeFD(received);
        }),
      ));

    test('destroy drops what nobody has received', () =>
      withChannel(framing, (a, b) => {
        const [near, far] = channel(framing);
        a.sendFD(far);
        far.destroy();
        assert.equal(near.tryRecvFD(), undefined, 'the far end is alive in the queue');
        b.destroy();
        assertRefused(() => near.recvFD(SOON), ENDED);
        near.destroy();
      }));

    test('destroy reports a socket that somebody else has closed, once', () => {
      const [a, b] = channel(framing);
      closeFD(a.fd);
      assertRefused(() => a.destroy(), [SyscallError, 'EBADF', { syscall: 'close' }]);
      a.destroy();
      assert.equal(a.fd, -1);
      b.destroy();
    });

    test('using destroys at the end of the block', () => {
      const before = openDescriptors();
      {
        const sockets = socketpair(libc(), framing);
        using a = new Endpoint(sockets[0]);
        using b = new Endpoint(sockets[1]);
        assertWorks(a, b);
      }
      assert.deepEqual(changes(before, openDescriptors()), []);
    });

    test('shutdown leaves the socket open', () =>
      withChannel(framing, (a) => {
        const { fd } = a;
        const before = identity(fd);
        a.shutdown();
        assert.deepEqual([a.fd, identity(fd)], [fd, before]);
      }));
  });
}
