import { type ChildProcessByStdio, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { closeFD, Endpoint, newConnectedSockets } from '../../src/index.ts';
import { javascriptOf } from '../support/javascript.ts';
import { LIMITED } from '../support/processes.ts';
import { started } from '../support/started.ts';
import type { Command, Finish, RemoteOptions } from './command.ts';
import type { EndName } from './history.ts';
import { RemoteHost } from './host.ts';

/** A process that has copies of the sockets of its ends, and the only ones. It is started when it gets the first. */
export class ProcessHost extends RemoteHost {
  readonly place: 'process' | 'limited';
  readonly #options: RemoteOptions;
  #child: ChildProcessByStdio<Writable, Readable, Readable> | undefined;
  #sockets: Endpoint | undefined;
  #descriptors: readonly number[] = [];
  #exit: Promise<unknown> = Promise.resolve();

  constructor(place: 'process' | 'limited', options: RemoteOptions) {
    super();
    this.place = place;
    this.#options = options;
  }

  override get descriptors(): readonly number[] {
    return this.#descriptors;
  }

  async begin(end: EndName, row: string, socket: number): Promise<void> {
    const first = this.#child === undefined;
    if (first) this.#start(socket);
    else this.#sockets?.sendFD(socket);
    closeFD(socket);
    this.post({ do: 'begin', end, row, socket: first ? 4 : undefined });
    await this.ready;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Kills it. It has closed its sockets when this resolves, and everything that it had posted has arrived. */
  async end(): Promise<void> {
    this.over = true;
    this.signal('SIGKILL');
    await this.#exit;
  }

  protected post(message: Command | Finish): void {
    this.#child?.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #start(socket: number): void {
    const [near, far] = newConnectedSockets();
    const prefix = this.place === 'limited' ? LIMITED : [];
    const node = [process.execPath, javascriptOf('test/model/remote.ts'), JSON.stringify(this.#options)];
    const [command, ...args] = [...prefix, ...node] as [string, ...string[]];
    const stdio: StdioOptions = ['pipe', 'pipe', 'pipe', far, socket];
    const child = spawn(command, args, { stdio }) as ChildProcessByStdio<Writable, Readable, Readable>;
    closeFD(far);
    this.#sockets = new Endpoint(near);
    this.#child = child;
    // Of what else was opened meanwhile, other threads know.
    this.#descriptors = [near, ...[child.stdin, child.stdout, child.stderr].map(descriptorOfPipe)];
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    createInterface(child.stdout).on('line', (line) => this.onReport(JSON.parse(line)));
    // What is written to a process that has just ended fails; its exit tells why.
    child.stdin.on('error', () => {});
    this.#exit = once(child, 'close');
    const leave = started(`process ${child.pid}, ${this.place}`, () => this.end());
    this.#exit.then(() => {
      leave();
      this.#sockets?.destroy();
      this.lose(`process ${child.pid} has ended (${child.signalCode ?? child.exitCode})\n${stderr}`);
    });
  }
}

function descriptorOfPipe(pipe: Readable | Writable): number {
  return Reflect.get(pipe, '_handle').fd;
}
