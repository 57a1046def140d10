import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SocketType } from '../../src/index.ts';
import { FIXTURES, startProcess } from '../support/processes.ts';
import { skip } from '../support/suite.ts';

export type Command = readonly [executable: string, ...args: string[]];

/** A program of test/fixtures/peers/, which speaks what exchange.ts asks for. */
export interface PeerProgram {
  readonly name: string;
  readonly file: string;
  /** Ends well where the language has what the program needs. */
  readonly probe: Command;
  readonly needs: string;
  readonly types: readonly SocketType[];
  /** Whether the language has abstract names. */
  readonly abstract: boolean;
  /** What it sends in place of an empty SEQPACKET that has descriptors, where it does. */
  readonly emptyPacket?: string;
  /** Compiles the source; without it, `interpreter` runs the source. */
  readonly compile?: (source: string, output: string) => Command;
  readonly interpreter?: string;
}

const ALL: readonly SocketType[] = ['seqpacket', 'stream', 'dgram'];

export const PROGRAMS: readonly PeerProgram[] = [
  {
    name: 'C',
    file: 'peer.c',
    probe: ['cc', '--version'],
    needs: 'a C compiler',
    types: ALL,
    abstract: true,
    compile: (source, output) => ['cc', '-Wall', '-Wextra', '-Werror', '-o', output, source],
  },
  {
    name: 'Python’s send_fds and recv_fds',
    file: 'peer.py',
    probe: ['python3', '-c', 'import socket; socket.send_fds'],
    needs: 'Python 3.9',
    types: ALL,
    abstract: true,
    interpreter: 'python3',
  },
  {
    name: 'Ruby’s sendmsg and recvmsg',
    file: 'peer.rb',
    probe: ['ruby', '-e', 'require "socket"; Socket::AncillaryData.method(:unix_rights)'],
    needs: 'Ruby',
    types: ALL,
    abstract: true,
    interpreter: 'ruby',
  },
  {
    name: 'Perl’s Socket::MsgHdr',
    file: 'peer.pl',
    probe: ['perl', '-e', 'use Socket::MsgHdr'],
    needs: 'Perl with Socket::MsgHdr',
    types: ALL,
    abstract: true,
    interpreter: 'perl',
  },
  {
    name: 'Go’s net.UnixConn',
    file: 'peer.go',
    probe: ['go', 'version'],
    needs: 'Go 1.18',
    types: ALL,
    abstract: true,
    // WriteMsgUnix adds a byte to descriptors that come without data.
    emptyPacket: '\0',
    compile: (source, output) => ['go', 'build', '-o', output, source],
  },
  {
    // Its standard library has no SEQPACKET, and abstract names only since 1.70.
    name: 'Rust’s std::os::unix::net',
    file: 'peer.rs',
    probe: ['rustc', '--version'],
    needs: 'Rust 1.63',
    types: ['stream', 'dgram'],
    abstract: false,
    compile: (source, output) => ['rustc', '--edition', '2021', '-o', output, source],
  },
];

/** Whether a command ends well. */
export async function succeeds([executable, ...args]: Command): Promise<boolean> {
  try {
    return (await startProcess(executable, args).exit).code === 0;
  } catch {
    return false;
  }
}

const commands = new Map<PeerProgram, Promise<Command | undefined>>();
let folder: string | undefined;

/** How to start a program, which is compiled once in a run. Skips the test where the language is missing. */
export async function commandOf(program: PeerProgram): Promise<Command> {
  let command = commands.get(program);
  if (!command) {
    command = prepare(program);
    commands.set(program, command);
  }
  return (await command) ?? skip(`${program.needs} is not installed`);
}

async function prepare({ file, probe, compile, interpreter }: PeerProgram): Promise<Command | undefined> {
  if (!(await succeeds(probe))) return undefined;
  const source = fileURLToPath(new URL(`peers/${file}`, FIXTURES));
  if (interpreter !== undefined) return [interpreter, source];
  if (!compile) throw new Error(`${file} is neither compiled nor interpreted`);
  const output = join(buildFolder(), file.replace('.', '-'));
  const [executable, ...args] = compile(source, output);
  const { code, stderr } = await startProcess(executable, args, { timeout: COMPILING.timeout }).exit;
  if (code !== 0) throw new Error(`${executable} exited with code ${code}:\n${stderr}`);
  return [output];
}

/** Options of a test that may be the one to compile its program. */
export const COMPILING = { timeout: 120_000 };

function buildFolder(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'fdchannel-peers-'));
    process.once('exit', () => rmSync(made, { recursive: true }));
    folder = made;
  }
  return folder;
}
