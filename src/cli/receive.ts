import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { closeFDs, type Message, UnixListener, UnixSocket } from '../index.ts';
import type { Receive } from './command-line.ts';
import { descriptionOf } from './description.ts';
import { print } from './output.ts';

const ROOT = 0;

/** The shell's own. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;
const SIGNALLED = 128;

const ENDING = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

interface Arrival {
  readonly fds: readonly number[];
  /** Who has sent it, where the socket tells. */
  readonly sender?: string;
}

/**
 * Takes one message with descriptors, and gives it to a command or prints it.
 *
 * @returns the status to end with
 */
export async function receive({ address, type, run, exec }: Receive): Promise<number> {
  const { fds, sender } = await (type === 'dgram' ? fromAnybody(address) : fromPeer(address, type));
  let child: ChildProcess | undefined;
  try {
    if (run.length > 0) child = start(run, fds, exec);
    else show(fds, sender);
  } finally {
    // The command has descriptors of its own now. With these open, its end would not be the end of a pipe.
    closeFDs(fds);
  }
  return child ? statusOf(child) : 0;
}

function show(fds: readonly number[], sender: string | undefined): void {
  if (sender !== undefined) print(sender);
  for (const fd of fds) print(descriptionOf(fd));
}

function fromPeer(address: string, type: 'seqpacket' | 'stream' | undefined): Promise<Arrival> {
  return withSocket(
    () => UnixListener.listen(address, { type, replace: true }),
    async (listener) => {
      for (;;) {
        const connection = await listener.acceptAsync();
        try {
          const { pid, uid } = connection.peerCredentials();
          const whose = `process ${pid ?? 'unknown'} of user ${uid}`;
          // At a path the kernel has looked already. An abstract name is open to everybody.
          if (uid !== ROOT && uid !== process.geteuid?.()) {
            console.error(`fdchannel: ${whose} was sent away`);
            continue;
          }
          const fds = await firstIn(connection);
          if (fds) return { fds, sender: `from ${whose}` };
        } finally {
          connection.destroy();
        }
      }
    },
  );
}

function fromAnybody(address: string): Promise<Arrival> {
  return withSocket(
    () => UnixSocket.bind(address, { type: 'dgram', replace: true }),
    async (socket) => ({ fds: (await firstIn(socket)) ?? [] }),
  );
}

/** Makes a socket that is destroyed after its use, and when a signal ends the process: the file of its path goes. */
async function withSocket<S extends UnixListener | UnixSocket, T>(
  make: () => S,
  use: (socket: S) => Promise<T>,
): Promise<T> {
  let socket: S | undefined;
  const settle = (): void => {
    for (const signal of ENDING) process.off(signal, end);
    socket?.destroy();
  };
  const end = (signal: NodeJS.Signals): void => {
    settle();
    process.kill(process.pid, signal);
  };
  // Before the file is there: a signal that comes at that moment is heard in a later turn.
  for (const signal of ENDING) process.on(signal, end);
  try {
    socket = make();
    return await use(socket);
  } finally {
    settle();
  }
}

/** The descriptors of the first message that has some, or undefined when the end comes before. */
async function firstIn(socket: UnixSocket): Promise<number[] | undefined> {
  for await (const message of socket) {
    if (message.controlTruncated) throw lost(message);
    if (message.fds.length > 0) return message.fds;
  }
  return undefined;
}

function lost(message: Message): Error {
  message[Symbol.dispose]();
  return new Error(
    'not all descriptors of the message could be taken: is the limit of open files (ulimit -n) reached?',
  );
}

/** Starts a command that gets the descriptors, and the signals that would end this process. */
function start([file = '', ...args]: readonly string[], fds: readonly number[], exec: boolean): ChildProcess {
  let child: ChildProcess | undefined;
  // Before the command is there: a signal that comes at that moment is heard in a later turn.
  for (const signal of ['SIGHUP', 'SIGTERM'] as const) process.on(signal, () => child?.kill(signal));
  // These the terminal sends to the command, too.
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) process.on(signal, () => {});
  const [first = 'inherit', ...others] = exec ? ['inherit' as const, ...fds] : fds;
  child = spawn(file, args, { stdio: [first, 'inherit', 'inherit', ...others] });
  return child;
}

/** Waits for a command's end. @returns the status that a shell would have of it */
async function statusOf(child: ChildProcess): Promise<number> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? SIGNALLED + constants.signals[signal as NodeJS.Signals];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    console.error(`fdchannel: ${child.spawnfile} cannot be run: ${code}`);
    return code === 'ENOENT' ? NOT_FOUND : CANNOT_RUN;
  }
}
