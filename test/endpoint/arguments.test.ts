import assert from 'node:assert/strict';
import { createServer, Socket } from 'node:net';
import { closeFD, Endpoint, newEndpoint } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import {
  assertRefused,
  assertWorks,
  BAD_RANGE,
  BAD_TYPE,
  ENDED,
  FRAMINGS,
  NO_DESCRIPTORS,
  type Refusal,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { openDescriptors } from '../support/descriptors.ts';
import { suite } from '../support/suite.ts';

/** Objects without a descriptor. */
const objects: [source: unknown, refusal: Refusal][] = [
  [{}, BAD_TYPE],
  [{ fd: '3' }, BAD_TYPE],
  [{ fd: null }, BAD_TYPE],
  [{ fd: -1 }, BAD_RANGE],
  [{ fd: 0.5 }, BAD_RANGE],
  [new Socket(), BAD_TYPE],
  [createServer(), BAD_TYPE],
];

const show = (value: unknown): string => (typeof value === 'object' ? 'an object' : String(value));

for (const framing of FRAMINGS) {
  suite(`arguments, ${framing}`, (test) => {
    test('sendFD refuses what has no descriptor, and sends nothing', () =>
      withChannel(framing, (a, b) => {
        const closed = temporaryFile();
        closeFD(closed);
        for (const [source, refusal] of [...NO_DESCRIPTORS, ...objects])
          assertRefused(() => a.sendFD(source as number), refusal, show(source));
        assertRefused(
          () => a.sendFD(closed),
          [Error, 'EBADF', { name: 'SyscallError', syscall: 'sendmsg', errno: -9 }],
        );
        assertWorks(a, b);
      }));

    test('a bad argument is refused before the kernel is asked', () =>
      withChannel(framing, (a) => {
        a.shutdown();
        // The kernel's answer to any send would be another one.
        assertRefused(() => a.sendFD(0), ENDED);
        for (const [source, refusal] of NO_DESCRIPTORS)
          assertRefused(() => a.sendFD(source as number), refusal, show(source));
      }));

    test('an endpoint that was destroyed has no descriptor to send', () =>
      withChannel(framing, (a, b) =>
        withChannel(framing, (c) => {
          c.destroy();
          assertRefused(() => a.sendFD(c), BAD_RANGE);
          assertWorks(a, b);
        }),
      ));
  });
}

const takers: [name: string, call: (fd: number) => unknown][] = [
  ['new Endpoint', (fd) => new Endpoint(fd)],
  ['newEndpoint', newEndpoint],
  ['closeFD', closeFD],
];

suite('arguments', (test) => {
  for (const [name, call] of takers) {
    test(`${name} refuses what is no descriptor`, () => {
      const before = openDescriptors();
      for (const [value, refusal] of [...NO_DESCRIPTORS, [{ fd: 3 }, BAD_TYPE] as const])
        assertRefused(() => call(value as number), refusal, show(value));
      assert.deepEqual(openDescriptors(), before);
    });

    test(`${name} refuses a number that is not open`, () => {
      const [a, b] = socketpair(libc(), 'stream');
      closeFD(a);
      closeFD(b);
      assertRefused(() => call(a), [Error, 'EBADF', { name: 'SyscallError', errno: -9 }]);
      assertRefused(() => call(2 ** 31 - 1), [Error, 'EBADF', { name: 'SyscallError', errno: -9 }]);
    });
  }

  test('closeFD closes', () =>
    withDescriptors([temporaryFile()], (kept) => {
      const before = openDescriptors();
      const fd = libc().duplicate(kept);
      assert.equal(closeFD(fd), undefined);
      assert.deepEqual(openDescriptors(), before);
    }));
});
