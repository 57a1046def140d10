import assert from 'node:assert/strict';
import { newConnectedSockets } from '../../src/index.ts';
import { withChannel } from '../support/channel.ts';
import { identity, openDescriptors } from '../support/descriptors.ts';
import { PASSERS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { takings } from '../support/forms.ts';
import { startFixture, startProcess } from '../support/processes.ts';
import { setInherited, setNonblocking, socketpair } from '../support/raw.ts';
import { skip, suite } from '../support/suite.ts';
import { observe, turns } from '../support/waits.ts';

const LIST = 'for fd in /proc/self/fd/*; do readlink "$fd" || true; done';

/** What a child process has open: `socket:[4711]`, or a path. */
async function inherited(): Promise<string[]> {
  if (process.platform !== 'linux') skip(`a process does not tell what it has open on ${process.platform}`);
  const { code, stdout } = await startProcess('sh', ['-c', LIST]).exit;
  assert.equal(code, 0);
  return stdout.split('\n');
}

const targetOf = (fd: number): string => identity(fd).target as string;

for (const kind of PASSERS) {
  suite(`what a child process inherits, ${kind.name}`, (test) => {
    test('no socket', () =>
      withDescriptors([...socketpair(kind.type), ...newConnectedSockets()], async (...fds) => {
        const [control] = fds as [number];
        setInherited(control);
        const open = await inherited();
        const found = fds.filter((fd) => open.includes(targetOf(fd)));
        assert.deepEqual(found, [control], 'only the one that was made to be inherited');
      }));

    test('nothing that a wait opens', () =>
      withChannel(kind, (a) =>
        withDescriptors([temporaryFile()], async (file) => {
          const before = openDescriptors();
          kind.fill(a, file);
          const waits = [a.receiveAsync(), a.sendAsync(file)].map((wait) => observe<unknown>(wait));
          await turns();
          const opened = [...openDescriptors()].filter(([fd]) => !before.has(fd));
          assert.ok(opened.length > 0);
          const open = await inherited();
          assert.deepEqual(
            opened.filter(([, { target }]) => open.includes(target as string)),
            [],
          );
          assert.ok(waits.every(({ state }) => state === 'pending'));
        }),
      ));

    for (const { form, take } of takings(kind)) {
      test(`nothing from ${form}, not even what its sender lets inherit`, () =>
        withChannel(kind, async (a, b) => {
          setNonblocking(b.fd);
          const sent = temporaryFile();
          setInherited(sent);
          a.send(sent);
          const target = targetOf(sent);
          await withDescriptors([await take(b)], async (received) => {
            await withDescriptors([sent], async () => assert.ok((await inherited()).includes(target)));
            assert.equal(targetOf(received), target);
            assert.ok(!(await inherited()).includes(target));
          });
        }));
    }
  });
}

suite('a host that closes nothing at exec by itself', (test) => {
  test('has the same done afterwards, and closes all that came with a message', async () => {
    if (process.platform !== 'linux') skip(`Linux can pretend to be less, not ${process.platform}`);
    const { code, stdout, stderr } = await startFixture('lesser-host.ts').exit;
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'done\n', stderr: '' });
  });
});
