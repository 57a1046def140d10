import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Side } from './question.ts';

/** A program that speaks the peers' protocol. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
}

/** A peer that the run has got ready: how to start it, or why it can't be. */
export interface PeerCommand extends Program {
  readonly operations: readonly string[];
  readonly missing?: string;
}

const PATIENCE_MS = 60_000;
const ERROR_LINES = 3;

/**
 * Starts a program for one operation.
 *
 * It is spoken to in lines: `batch OPERATION COUNT` and `each OPERATION COUNT`, which it answers with the
 * nanoseconds of all, or of each. The end of its standard input is its end.
 *
 * @returns the program as a side
 * @throws Error when it can't be started, or its first operation fails
 */
export async function connectPeer(program: Program, operation: string): Promise<Side> {
  const process = new PeerProcess(program);
  const ask = (verb: string, count: number): Promise<number[]> =>
    process.ask(`${verb} ${operation} ${count}`);
  await ask('batch', 1);
  return {
    name: program.name,
    batch: async (count) => (await ask('batch', count))[0] as number,
    each: (count) => ask('each', count),
    close: () => process.end(),
  };
}

class PeerProcess {
  readonly #name: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;
  #errors = '';
  #failure: string | undefined;

  constructor({ name, command: [program = '', ...args] }: Program) {
    this.#name = name;
    // A process group of its own: Ctrl-C is for the bench, which then ends the peer.
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    this.#child.on('error', (error) => {
      this.#failure = error.message;
    });
    // A peer that is gone is found out when it does not answer.
    this.#child.stdin.on('error', () => {});
    this.#exited = once(this.#child, 'close').catch(() => {});
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(request: string): Promise<number[]> {
    const timer = setTimeout(() => {
      this.#failure = `no answer to '${request}' within ${PATIENCE_MS / 1000} s`;
      this.#child.kill('SIGKILL');
    }, PATIENCE_MS);
    this.#child.stdin.write(`${request}\n`);
    const { value, done } = await this.#lines.next();
    clearTimeout(timer);
    if (done) throw new Error(await this.#obituary());
    const times = String(value).split(' ').map(Number);
    if (times.some(Number.isNaN)) throw new Error(`${this.#name} answered '${value}'`);
    return times;
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await this.#exited;
    clearTimeout(timer);
  }

  async #obituary(): Promise<string> {
    await this.#exited;
    const { exitCode, signalCode } = this.#child;
    const end = signalCode ? `was killed by ${signalCode}` : `exited with code ${exitCode}`;
    const said = this.#errors.trim().split('\n').slice(-ERROR_LINES).join(' | ');
    return `${this.#failure ?? end}${said && `: ${said}`}`;
  }
}
