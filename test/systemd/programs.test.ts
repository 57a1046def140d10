import assert from 'node:assert/strict';
import { type SocketType, UnixSocket } from '../../src/index.ts';
import { notify, notifyBarrier } from '../../src/systemd.ts';
import { succeeds } from '../interop/programs.ts';
import { tagged, withDescriptors } from '../support/files.ts';
import { javascriptOf } from '../support/javascript.ts';
import { withManager, withVariable } from '../support/manager.ts';
import { assertEnded, type Name, onceThere, unlessEnded, withName } from '../support/named.ts';
import { type Process, startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';

/** How systemd-socket-activate writes a type. */
const OPTIONS = { stream: [], seqpacket: ['--seqpacket'] } as const;

async function needs(program: string): Promise<void> {
  if (!(await succeeds([program, '--version']))) skip(`${program} of systemd is not installed`);
}

/** Starts systemd-socket-activate, which starts a service at the first connection. */
function activate(path: string, type: keyof typeof OPTIONS, how: string, ...options: string[]): Process {
  const service = [process.execPath, javascriptOf('test/fixtures/activated.ts'), how];
  return startProcess('systemd-socket-activate', [...OPTIONS[type], ...options, '-l', path, ...service]);
}

async function answerOf(service: Process, address: string, type: SocketType): Promise<string | undefined> {
  const client = await onceThere(service, async () => UnixSocket.connect(address, { type }));
  try {
    const message = await unlessEnded(service, client.recvMessageAsync());
    return message?.data.toString();
  } finally {
    client.destroy();
  }
}

async function assertActivated(service: Process, stdout = ''): Promise<void> {
  const { code, ...said } = await service.exit;
  assert.deepEqual([code, said.stdout], [0, stdout], said.stderr);
}

suite('systemd-socket-activate', (test) => {
  for (const type of ['stream', 'seqpacket'] as const) {
    test(`passes a listening socket, which UnixListener takes, ${type}`, () =>
      withName(false, async ({ ours }) => {
        await needs('systemd-socket-activate');
        const service = activate(ours, type, 'listener', '--fdname=front');
        assert.equal(await answerOf(service, ours, type), 'listener front');
        await assertActivated(service);
      }));

    test(`passes each connection to a process of its own, which UnixSocket takes, ${type}`, () =>
      withName(false, async ({ ours }) => {
        await needs('systemd-socket-activate');
        const service = activate(ours, type, 'connection', '--accept');
        for (let i = 0; i < 2; i++) {
          assert.equal(await answerOf(service, ours, type), 'connection undefined');
        }
        service.child.kill('SIGTERM');
        await service.exit;
      }));
  }

  test('passes a listening socket, which Node’s own server takes, stream', () =>
    withName(false, async ({ ours }) => {
      await needs('systemd-socket-activate');
      const service = activate(ours, 'stream', 'net', '--fdname=front');
      assert.equal(await answerOf(service, ours, 'stream'), 'net front');
      await assertActivated(service);
    }));

  test('passes a listening socket, which Node’s own server refuses, seqpacket', () =>
    withName(false, async ({ ours }) => {
      await needs('systemd-socket-activate');
      const service = activate(ours, 'seqpacket', 'net');
      const client = await onceThere(service, async () => UnixSocket.connect(ours, { type: 'seqpacket' }));
      const { code, stdout } = await service.exit;
      client.destroy();
      assert.equal(code, 0);
      assert.match(stdout, /^listen EINVAL: invalid argument/);
    }));
});

suite('systemd-notify', (test) => {
  for (const abstract of [false, true]) {
    test(`tells a receiver of this library, and waits until it has read, ${abstract ? 'abstract name' : 'path'}`, () =>
      withManager(abstract, async (manager) => {
        await needs('systemd-notify');
        const service = startProcess('systemd-notify', ['--ready', '--status=serving']);
        const told: string[] = [];
        while (told.at(-1) !== 'BARRIER=1') {
          const message = await unlessEnded(service, manager.recvMessageAsync());
          told.push(`${message?.data}`);
          if (told.at(-1) === 'BARRIER=1') assert.equal(message?.fds.length, 1);
          message?.[Symbol.dispose]();
        }
        assert.deepEqual(told[0]?.split('\n').slice(0, 2).sort(), ['READY=1', 'STATUS=serving']);
        await assertEnded(service);
      }));
  }
});

/** What a service manager does: reads, looks what it was given, and closes it. */
const MANAGER = `
import os, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(sys.argv[1].replace("@", "\\0", 1))
manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
print("bound", flush=True)
state = b""
while state != b"BARRIER=1":
  state, fds, flags, _ = socket.recv_fds(manager, 4096, 253)
  sizes = [] if state == b"BARRIER=1" else [os.fstat(fd).st_size for fd in fds]
  print(state.decode().replace("\\n", " "), len(fds), sizes, flush=True)
  for fd in fds: os.close(fd)
`;

suite('a service manager in Python', (test) => {
  for (const abstract of [false, true]) {
    test(`reads what notify tells, ${abstract ? 'abstract name' : 'path'}`, () =>
      withName(abstract, async ({ theirs }: Name) => {
        if (!(await succeeds(['python3', '-c', 'import socket; socket.recv_fds'])))
          skip('Python 3.9 is not installed');
        const manager = startProcess('python3', ['-c', MANAGER, theirs]);
        assert.equal(await manager.line(), 'bound');
        await withVariable(theirs, () =>
          withDescriptors([tagged(3), tagged(5)], (...fds) => {
            assert.ok(notify('READY=1\nSTATUS=serving'));
            assert.ok(notify('FDSTORE=1\nFDNAME=two', fds));
            assert.ok(notifyBarrier({ timeout: 30_000 }));
          }),
        );
        await assertEnded(
          manager,
          'bound\nREADY=1 STATUS=serving 0 []\nFDSTORE=1 FDNAME=two 2 [3, 5]\nBARRIER=1 1 []\n',
        );
      }));
  }
});
