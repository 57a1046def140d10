import assert from 'node:assert/strict';
import { fstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SocketType } from '../../src/index.ts';
import type { Call, Outcome } from '../fixtures/calls-end.ts';
import { callInProcess } from '../support/calls.ts';
import { assertReceives, withChannel } from '../support/channel.ts';
import { ENDPOINTS, type Kind } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startProcess } from '../support/processes.ts';
import { sendRaw } from '../support/raw.ts';
import { ENDED, RECEIVE_TIMED_OUT, told } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

/** Why strace cannot tell here what a process asks the kernel, or nothing. */
async function whyNoStrace(): Promise<string | undefined> {
  try {
    const { code, stderr } = await startProcess('strace', [
      '-f',
      '-e',
      'inject=poll:error=EINTR:when=9..9',
      'true',
    ]).exit;
    return code === 0 ? undefined : `strace does not work here: ${stderr.split('\n')[0]}`;
  } catch {
    return 'strace is not installed';
  }
}

/** Runs the calls in a process whose system calls are traced. @returns the lines of the trace, and the outcomes */
async function traced(
  kind: Kind,
  options: readonly string[],
  sockfd: number,
  calls: readonly Call[],
  others: readonly number[] = [],
): Promise<{ trace: string[]; outcomes: object[] }> {
  const why = await whyNoStrace();
  if (why) skip(why);
  const directory = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  const file = join(directory, 'trace');
  const prefix = ['strace', '-f', '-qq', '-e', 'signal=none', '-o', file, ...options];
  try {
    const child = callInProcess(kind, sockfd, calls, others, { prefix });
    const { code, stdout, stderr } = await child.exit;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    const lines = (text: string): string[] => text.trim().split('\n');
    return {
      trace: lines(readFileSync(file, 'utf8')),
      outcomes: lines(stdout).map((line) => JSON.parse(line)),
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const SYSCALLS = ['sendmsg', 'recvmsg', 'poll'];

/** The first end without data asks once whether recvmsg(2) works without an iovec, with a bad descriptor. */
const PROBES: Readonly<Record<SocketType, number>> = { seqpacket: 1, stream: 0, dgram: 1 };
const isProbe = (line: string): boolean => line.includes(' recvmsg(-1, ');

/** What the kernel was asked for, in order; "EINTR" where strace answered in its place. */
function asked(trace: readonly string[]): string[] {
  return trace.flatMap((line) => {
    if (isProbe(line)) return [];
    const syscall = SYSCALLS.find((name) => line.includes(` ${name}(`));
    return syscall === undefined ? [] : [line.includes('(INJECTED)') ? `${syscall} EINTR` : syscall];
  });
}

/** What the thread that sends asks the kernel for until it shuts down; each line begins with a thread's number. */
function untilShutdown(trace: readonly string[]): string[] {
  const [first, last] = [' sendmsg(', ' shutdown('].map((call) =>
    trace.findIndex((line) => line.includes(call)),
  );
  const [thread] = (trace[first as number] as string).split(' ');
  return trace.slice(first, last).filter((line) => line.startsWith(`${thread} `));
}

const thrice = (syscall: string): string[] => [...Array(3).fill(`${syscall} EINTR`), syscall];

for (const kind of ENDPOINTS) {
  /** Has strace answer some of an endpoint's calls in the kernel's place, counted from 1. */
  const inject = (syscall: string, errno: string, from: number, to: number): string[] => {
    const probes = syscall === 'recvmsg' ? PROBES[kind.type] : 0;
    return ['-e', `inject=${syscall}:error=${errno}:when=${probes + from}..${probes + to}`];
  };

  suite(`system calls under strace, ${kind.name}`, (test) => {
    test('EINTR is answered by another try, until it works', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (file) => {
          b.send(file);
          const options = SYSCALLS.flatMap((name) => inject(name, 'EINTR', 1, 3));
          const calls: Call[] = [['send', 4], ['receive'], ['receive', { timeout: 20 }]];
          const { trace, outcomes } = await traced(
            kind,
            ['-e', `trace=${SYSCALLS}`, ...options],
            a.fd,
            calls,
            [file],
          );
          const [sent, received, late] = outcomes as Outcome[];
          assert.deepEqual(sent, {});
          assert.equal(received?.inode, fstatSync(file).ino);
          assert.deepEqual(late, told(RECEIVE_TIMED_OUT));
          assert.deepEqual(
            asked(trace),
            [...thrice('sendmsg'), ...thrice('recvmsg'), 'recvmsg', ...thrice('poll')],
            trace.join('\n'),
          );
          assertReceives(b, file);
          assert.equal(b.tryReceive(), undefined);
        }),
      ));

    test('a peer that resets between an empty packet and the look behind it is the end', () =>
      withChannel(kind, async (a, b) => {
        if (kind.type === 'seqpacket') sendRaw(b.fd, 0);
        b.destroy();
        const options = ['-e', `trace=${SYSCALLS}`, ...inject('recvmsg', 'ECONNRESET', 2, 2)];
        const { outcomes } = await traced(kind, options, a.fd, [['tryReceive'], ['tryReceive']]);
        assert.deepEqual(outcomes, Array(2).fill(told(ENDED)));
      }));

    test('a pass takes one sendmsg, one recvmsg and nothing else; what is refused takes none', () =>
      withChannel(kind, (a, b) =>
        withDescriptors([temporaryFile()], async (file) => {
          for (let i = 0; i < 3; i++) b.send(file);
          const refused: unknown[] = [-1, 1.5, 2 ** 31, '3', null, {}, { fd: -1 }];
          const calls: Call[] = [
            ['send', 4],
            ['receive'],
            ['recvFDNonblock'],
            ['tryReceive'],
            ['tryReceive'],
            ...refused.map((source) => ['send', source] as const),
            ['receive', { timeout: -1 }],
            ['receive', { timeout: '1' }],
            ['shutdown'],
            ['destroy'],
            ['send', 4],
            ['receive'],
            ['recvFDNonblock'],
            ['tryReceive'],
            ['shutdown'],
            ['destroy'],
          ];
          const options = ['-e', `trace=${SYSCALLS},fcntl,shutdown`];
          const { trace, outcomes } = await traced(kind, options, a.fd, calls, [file]);
          assert.equal(outcomes.length, calls.length);
          assert.deepEqual(asked(trace), ['sendmsg', ...Array(4).fill('recvmsg')], trace.join('\n'));
          assert.equal(trace.filter((line) => line.includes(' shutdown(')).length, 1);
          assert.deepEqual(
            untilShutdown(trace).filter((line) => line.includes(' fcntl(')),
            [],
          );
          assert.equal(trace.filter(isProbe).length, PROBES[kind.type]);
          assertReceives(b, file);
        }),
      ));
  });
}
