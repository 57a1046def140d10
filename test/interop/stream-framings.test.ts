import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { closeFD } from '../../src/index.ts';
import { WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { type End, kindOf } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startProcess } from '../support/processes.ts';
import { assertRefused, ENDED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

/** Libraries whose stream framing is not quite an endpoint's, as Python programs or in Python's words. */
const speakers: [name: string, program: string][] = [
  [
    'Rust’s passfd, four bytes with each descriptor',
    `
def send(s, fd):
    socket.send_fds(s, [bytes(4)], [fd])
def receive(s):
    data, fds, flags, address = socket.recv_fds(s, 4, 1)
    assert len(data) > 0 and flags & socket.MSG_CTRUNC == 0
    return fds[0]
`,
  ],
  [
    'Python’s multiprocessing, sendfds and recvfds',
    `
from multiprocessing import reduction
def send(s, fd):
    reduction.sendfds(s, [fd])
def receive(s):
    return reduction.recvfds(s, 1)[0]
`,
  ],
  [
    'Python’s multiprocessing, send_handle and recv_handle',
    `
from multiprocessing import reduction
def send(s, fd):
    reduction.send_handle(s, fd, os.getppid())
def receive(s):
    return reduction.recv_handle(s)
`,
  ],
];

const COUNT = 1000;

/** The files of the conversation, descriptors 4 and 5 of the other process, are sent in this order. */
const order = Array.from({ length: COUNT }, (_, i) => (i * i) % 3 && 1);

/** Has a socket on descriptor 3. Sends and then receives the files in that order, and prints how often it was right. */
const conversation = `
import os, socket
s = socket.socket(fileno=3)
files = [4, 5]
order = [1 if i * i % 3 else 0 for i in range(${COUNT})]
for index in order:
    send(s, files[index])
right = 0
for index in order:
    fd = receive(s)
    right += os.fstat(fd).st_ino == os.fstat(files[index]).st_ino
    os.close(fd)
print(right)
`;

/** The forms that wait. */
const receives: ((end: End) => number | Promise<number>)[] = [
  (end) => end.receive(),
  (end) => end.receive(WITHIN_SECONDS),
  (end) => end.receiveAsync(),
  async (end) => (await end.iterate().next()).value as number,
];
const sends: ((end: End, fd: number) => unknown)[] = [
  (end, fd) => end.send(fd),
  (end, fd) => end.sendAsync(fd),
];

async function hasSendFds(): Promise<boolean> {
  try {
    return (await startProcess('python3', ['-c', 'import socket; socket.send_fds']).exit).code === 0;
  } catch {
    return false;
  }
}

suite('other framings of a stream', (test) => {
  for (const [name, program] of speakers) {
    test(`${name}: ${COUNT} descriptors in both directions, in every form`, () =>
      withChannel(kindOf('endpoint/stream'), (own, peer) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
          if (!(await hasSendFds())) skip('Python 3.9 is not installed');
          const child = startProcess('python3', ['-c', `import socket, os${program}${conversation}`], {
            fds: [peer.fd, ...files],
          });
          peer.destroy();
          const inodes = files.map((fd) => fstatSync(fd).ino);
          const received: number[] = [];
          for (let i = 0; i < COUNT; i++) {
            const fd = (await receives[i % receives.length]?.(own)) as number;
            received.push(inodes.indexOf(fstatSync(fd).ino));
            closeFD(fd);
          }
          assert.deepEqual(received, order);
          for (const [i, index] of order.entries())
            await sends[i % sends.length]?.(own, files[index] as number);
          const { code, stdout, stderr } = await child.exit;
          assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${COUNT}\n`, stderr: '' });
          assertRefused(() => own.receive(WITHIN_SECONDS), ENDED);
        }),
      ));
  }
});
