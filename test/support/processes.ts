import { type ChildProcess, type ChildProcessByStdio, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { javascriptOf } from './javascript.ts';
import { started } from './started.ts';

export const FIXTURES = new URL('../fixtures/', import.meta.url);

/** A fixture's `prefix` that leaves it enough descriptors for Node, and few enough to run out of quickly. */
export const LIMITED: readonly string[] = ['sh', '-c', 'ulimit -n 96; exec "$@"', 'sh'];

export interface ProcessOptions {
  /** Descriptors that the process gets as its 3, 4, …; the caller's stay open, and the caller's. */
  readonly fds?: readonly number[];
  /** Added to this process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Milliseconds until the process is killed. @default 45000 */
  readonly timeout?: number;
}

export interface FixtureOptions extends ProcessOptions {
  readonly args?: readonly string[];
  readonly execArgv?: readonly string[];
  /** A command that runs the one that follows it, as {@link LIMITED} does. */
  readonly prefix?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Process {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly stdin: Writable;
  /** Does not reject: a process that was killed for its time says so at the end of `stderr`. */
  readonly exit: Promise<Exit>;
  /** The next line of its standard output. */
  line(): Promise<string>;
}

/** Runs test/fixtures/`file`, which is TypeScript, in a Node of its own. */
export function startFixture(file: string, options: FixtureOptions = {}): Process {
  const { args = [], execArgv = [], prefix = [], ...others } = options;
  const node = [process.execPath, ...execArgv, javascriptOf(`test/fixtures/${file}`), ...args];
  const [command, ...rest] = [...prefix, ...node] as [string, ...string[]];
  return startProcess(command, rest, others);
}

/** Starts a process that does not outlive the test. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Process {
  const { fds = [], env, timeout = 45_000, ...others } = options;
  const stdio: StdioOptions = ['pipe', 'pipe', 'pipe', ...fds];
  const child = spawn(command, args, {
    ...others,
    stdio,
    env: { ...process.env, ...env },
  }) as ChildProcessByStdio<Writable, Readable, Readable>;
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined) {
    child.on('error', () => {});
    throw new Error(`cannot start ${command}`);
  }

  const output = { stdout: '', stderr: '' };
  stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  stdin.on('error', () => {}); // EPIPE: the process ended first, which `exit` tells

  const timer = setTimeout(() => {
    output.stderr += `\n[killed after ${timeout} ms]\n`;
    child.kill('SIGKILL');
  }, timeout);

  const leave = started(`process ${pid}, ${[command, ...args].join(' ').slice(0, 200)}`, () => {
    child.kill('SIGKILL');
    return exit;
  });

  async function ended(): Promise<Exit> {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    clearTimeout(timer);
    // What it wrote is in the pipes by now. Their end may not be: a descriptor in flight, or a grandchild, holds it.
    let seen: number;
    do {
      seen = output.stdout.length + output.stderr.length;
      await turn();
      await turn();
    } while (seen !== output.stdout.length + output.stderr.length);
    for (const stream of [stdin, stdout, stderr]) stream.destroy();
    leave();
    return { code, signal, ...output };
  }
  const exit = ended();

  let taken = 0;
  async function line(): Promise<string> {
    for (;;) {
      const end = output.stdout.indexOf('\n', taken);
      if (end !== -1) {
        const text = output.stdout.slice(taken, end);
        taken = end + 1;
        return text;
      }
      const ending = await Promise.race([once(stdout, 'data').then(() => undefined), exit]);
      if (ending && !output.stdout.includes('\n', taken)) {
        throw new Error(
          `process ${pid} ended (${ending.code ?? ending.signal}) without another line:\n${output.stderr}`,
        );
      }
    }
  }

  return { child, pid, stdin, exit, line };
}
