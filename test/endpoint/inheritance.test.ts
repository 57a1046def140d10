import assert from 'node:assert/strict';
import { type Endpoint, newConnectedSockets } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { FRAMINGS, SOON, temporaryFile, withChannel, withDescriptors } from '../support/channel.ts';
import { identity } from '../support/descriptors.ts';
import { startProcess } from '../support/processes.ts';
import { setInherited, setNonblocking } from '../support/raw.ts';
import { skip, suite } from '../support/suite.ts';
import { startWorker } from '../support/threads.ts';

const LIST = 'for fd in /proc/self/fd/*; do readlink "$fd" || true; done';

/** What a child process has open: `socket:[4711]`, or a path. */
async function inherited(): Promise<string[]> {
  if (process.platform !== 'linux') skip(`a process does not tell what it has open on ${process.platform}`);
  const { code, stdout } = await startProcess('sh', ['-c', LIST]).exit;
  assert.equal(code, 0);
  return stdout.split('\n');
}

const targetOf = (fd: number): string => identity(fd).target as string;

for (const framing of FRAMINGS) {
  suite(`what a child process inherits, ${framing}`, (test) => {
    test('no socket', () =>
      withDescriptors([...socketpair(libc(), framing), ...newConnectedSockets()], async (...fds) => {
        const [control] = fds as [number];
        setInherited(control);
        const open = await inherited();
        const found = fds.filter((fd) => open.includes(targetOf(fd)));
        assert.deepEqual(found, [control], 'only the one that was made to be inherited');
      }));

    for (const [form, receive] of [
      ['recvFD', (from: Endpoint) => from.recvFD()],
      ['recvFD with a timeout', (from: Endpoint) => from.recvFD(SOON)],
      ['recvFDNonblock', (from: Endpoint) => from.recvFDNonblock()],
      ['tryRecvFD', (from: Endpoint) => from.tryRecvFD() as number],
    ] as const) {
      test(`nothing from ${form}, not even what its sender lets inherit`, () =>
        withChannel(framing, async (a, b) => {
          setNonblocking(b.fd);
          const sent = temporaryFile();
          setInherited(sent);
          a.sendFD(sent);
          const target = targetOf(sent);
          await withDescriptors([receive(b)], async (received) => {
            await withDescriptors([sent], async () => assert.ok((await inherited()).includes(target)));
            assert.equal(targetOf(received), target);
            assert.ok(!(await inherited()).includes(target));
          });
        }));
    }
  });

  suite(`closeFD, ${framing}`, (test) => {
    test('closes in a worker without a warning, where fs warns', () =>
      withChannel(framing, async (a, b) => {
        for (let i = 0; i < 2; i++) a.sendFD(0);
        const thread = await startWorker('closes-received.ts', b.fd);
        const { byCloseFD, byFs } = (await thread.next()) as Record<string, string[]>;
        assert.deepEqual(byCloseFD, []);
        assert.equal(byFs?.length, 1, 'the test sees a warning');
        await thread.exit;
      }));
  });
}
