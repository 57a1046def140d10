import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type Message, UnixListener, UnixSocket } from '../../src/index.ts';
import { sameFile } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { assertEnded, unlessEnded, withName } from '../support/named.ts';
import { startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';
import { ASYNC, soon } from './exchange.ts';
import { type Command, succeeds } from './programs.ts';

interface Language {
  readonly name: string;
  readonly command: Command;
  readonly probe: string;
  readonly needs: string;
  /** What it sends with each descriptor. */
  readonly byte: number;
  /** Opens a socket at the path in its arguments: it listens there, or connects. */
  readonly opens: Readonly<Record<'listens' | 'connects', string>>;
  /** Writes into each descriptor that it receives, and sends it back, until the end. */
  readonly program: string;
}

const LANGUAGES: readonly Language[] = [
  {
    name: 'Ruby’s send_io and recv_io',
    command: ['ruby', '-rsocket', '-e'],
    probe: 'UNIXSocket.instance_method(:send_io)',
    needs: 'Ruby',
    byte: 0,
    opens: {
      listens: "server = UNIXServer.new(ARGV[0]); $stdout.puts 'ready'; $stdout.flush; s = server.accept",
      connects: 's = UNIXSocket.new(ARGV[0])',
    },
    program: `
loop do
  io = s.recv_io
  io.syswrite('Ruby')
  s.send_io(io)
  io.close
rescue SocketError, EOFError
  break
end
`,
  },
  {
    name: 'Perl’s IO::FDPass',
    command: ['perl', '-MPOSIX', '-MIO::Socket::UNIX', '-MIO::FDPass', '-e'],
    probe: '1',
    needs: 'Perl with IO::FDPass',
    byte: 0,
    opens: {
      listens:
        '$| = 1; my $l = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die $!; print "ready\\n"; my $s = $l->accept;',
      connects: 'my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!;',
    },
    program: `
while ((my $fd = IO::FDPass::recv(fileno($s))) >= 0) {
  POSIX::write($fd, 'Perl', 4);
  IO::FDPass::send(fileno($s), $fd) or die $!;
  POSIX::close($fd);
}
`,
  },
];

/** One descriptor after the other goes to the peer and comes back, each with a byte of its own. */
async function exchange(socket: UnixSocket, { byte, name }: Language): Promise<void> {
  await withDescriptors([temporaryFile(), temporaryFile(), temporaryFile()], async (...files) => {
    for (const file of files) await ASYNC.send(socket, Uint8Array.of(byte), [file]);
    for (const file of files) {
      const { data, fds } = (await ASYNC.receive(socket)) as Message;
      await withDescriptors(fds, () => {
        assert.deepEqual([...data], [byte]);
        assert.deepEqual(
          fds.map((fd) => sameFile(fd, file)),
          [true],
        );
        assert.equal(readFileSync(`/dev/fd/${file}`, 'utf8'), name.slice(0, 4));
      });
    }
  });
  socket.shutdown('write');
  assert.equal(await ASYNC.receive(socket), null);
}

for (const language of LANGUAGES) {
  const { name, command, probe, needs, opens, program } = language;
  const [executable, ...options] = command;
  suite(`${name}, by path`, (test) => {
    test('the peer listens: descriptors there and back, and this side’s end', () =>
      withName(false, async ({ ours, theirs }) => {
        if (!(await succeeds([...command, probe]))) skip(`${needs} is not installed`);
        const peer = startProcess(executable, [...options, opens.listens + program, theirs]);
        assert.equal(await peer.line(), 'ready');
        const socket = await UnixSocket.connectAsync(ours, { type: 'stream', signal: soon() });
        try {
          await exchange(socket, language);
          await assertEnded(peer, 'ready\n');
        } finally {
          socket.destroy();
        }
      }));

    test('the peer connects: descriptors there and back, and this side’s end', () =>
      withName(false, async ({ ours, theirs }) => {
        if (!(await succeeds([...command, probe]))) skip(`${needs} is not installed`);
        const listener = UnixListener.listen(ours, { type: 'stream' });
        try {
          const peer = startProcess(executable, [...options, opens.connects + program, theirs]);
          const socket = await unlessEnded(peer, listener.acceptAsync({ signal: soon() }));
          try {
            await exchange(socket, language);
            await assertEnded(peer);
          } finally {
            socket.destroy();
          }
        } finally {
          listener.destroy();
        }
      }));
  });
}
