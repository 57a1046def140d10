import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import { closeFD, Endpoint, type EndpointOptions, type Framing } from '../../src/index.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startProcess } from '../support/processes.ts';
import { socketpair } from '../support/raw.ts';
import { assertRefused, ENDED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

interface Language {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Ends well where the language has what the program needs. */
  readonly probe: string;
  readonly needs: string;
  readonly types: readonly Framing[];
  /** What its side wants of an endpoint. */
  readonly options?: EndpointOptions;
  /** Has a socket on descriptor 3. Receives a file, prints what it reads there, and sends back a pipe with `answer`. */
  readonly program: string;
}

const languages: Language[] = [
  {
    name: 'Python’s send_fds and recv_fds',
    command: ['python3', '-c'],
    probe: 'import socket; socket.send_fds',
    needs: 'Python 3.9',
    types: ['seqpacket', 'stream'],
    program: `
import os, socket
s = socket.socket(fileno=3)
data, fds, flags, address = socket.recv_fds(s, 1, 1)
print(len(fds), os.read(fds[0], 10).decode())
r, w = os.pipe()
os.write(w, b'answer')
os.close(w)
socket.send_fds(s, [b'' if s.type == socket.SOCK_SEQPACKET else b'x'], [r])
`,
  },
  {
    name: 'Ruby’s send_io and recv_io',
    command: ['ruby', '-e'],
    probe: 'require "socket"; UNIXSocket.instance_method(:send_io)',
    needs: 'Ruby',
    types: ['seqpacket', 'stream'],
    program: `
require 'socket'
s = UNIXSocket.for_fd(3)
puts "1 #{s.recv_io.read(10)}"
r, w = IO.pipe
w.write('answer')
w.close
s.send_io(r)
`,
  },
  {
    name: 'Perl’s IO::FDPass',
    command: ['perl', '-e'],
    probe: 'use IO::FDPass',
    needs: 'Perl with IO::FDPass',
    types: ['stream'], // It takes a packet without data for the end, descriptor or not.
    options: { streamByte: 0 },
    program: `
use IO::FDPass;
my $fd = IO::FDPass::recv(3);
die "nothing received: $!" if $fd < 0;
open(my $file, '<&=', $fd) or die $!;
sysread($file, my $text, 10);
print "1 $text\\n";
pipe(my $r, my $w) or die $!;
syswrite($w, 'answer');
close($w);
IO::FDPass::send(3, fileno($r)) or die $!;
`,
  },
];

async function runs([command, ...args]: readonly [string, ...string[]], script: string): Promise<boolean> {
  try {
    return (await startProcess(command, [...args, script]).exit).code === 0;
  } catch {
    return false;
  }
}

suite('other languages', (test) => {
  for (const { name, command, probe, needs, types, options, program } of languages) {
    for (const type of types) {
      test(`${name}, in both directions, ${type}`, () =>
        withDescriptors([temporaryFile('question')], async (file) => {
          if (!(await runs(command, probe))) skip(`${needs} is not installed`);
          const [ours, theirs] = socketpair(type);
          using own = new Endpoint(ours, options);
          const [executable, ...args] = command;
          const child = startProcess(executable, [...args, program], { fds: [theirs] });
          closeFD(theirs);
          own.sendFD(file);
          const { code, stdout, stderr } = await child.exit;
          assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '1 question\n', stderr: '' });
          await withDescriptors([own.recvFD(WITHIN_SECONDS)], (answer) => {
            const bytes = Buffer.alloc(10);
            assert.equal(bytes.toString('utf8', 0, readSync(answer, bytes)), 'answer');
          });
          assertRefused(() => own.recvFD(WITHIN_SECONDS), ENDED);
        }));
    }
  }
});
