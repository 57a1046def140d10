import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Endpoint } from '../../src/index.ts';
import type { Command, Finish, RemoteOptions, Report } from './command.ts';
import { Footprint } from './footprint.ts';
import { Side } from './side.ts';
import { TagFiles } from './tags.ts';
import { warmUp } from './warm-up.ts';

/**
 * A thread or process that ends live in. It gets commands and posts reports: a worker by its port, a process by lines on
 * its standard input and output. The sockets of a process's ends come over an endpoint of its own on descriptor 3, but
 * for the first one, which the process was started with.
 */
const options: RemoteOptions = isMainThread ? JSON.parse(process.argv[2] as string) : workerData;
const files = new TagFiles(options.directory);
const side = new Side(files, (answers) => post({ answers }));
const sockets = isMainThread ? new Endpoint(3) : undefined;
let before: Footprint | undefined;

function post(report: Report): void {
  if (parentPort) parentPort.postMessage(report);
  else write(`${JSON.stringify(report)}\n`);
}

/** Writes at once: the thread may block before its event loop comes to write anything. */
function write(line: string): void {
  for (let left = Buffer.from(line); left.length > 0; ) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

async function obey(command: Command | Finish): Promise<void> {
  if (command.do === 'finish') {
    const left = [...side.finish(), ...((await before?.left()) ?? [])];
    before = undefined;
    post({ left });
  } else if (command.do === 'begin') {
    before ??= isMainThread ? Footprint.ofProcess() : Footprint.ofThread();
    const socket = command.socket ?? (sockets as Endpoint).recvFD();
    before.forget([socket]);
    side.perform({ ...command, socket });
  } else {
    side.perform(command);
  }
}

await warmUp(files);
if (parentPort) {
  parentPort.on('message', obey);
} else {
  // The signals of a storm are to interrupt a call, and not to end the process.
  process.on('SIGUSR2', () => {});
  // A handler and not an iterator: commands that came together are obeyed in one turn of the loop, as in a worker.
  createInterface(process.stdin)
    .on('line', (line) => obey(JSON.parse(line)))
    .on('close', () => process.exit());
}
post({ ready: true });
