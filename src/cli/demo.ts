import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHistogram } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { closeFD, Endpoint, newConnectedSockets } from '../index.ts';
import { fileOf, namelessFile, tell, textOf } from './demo-files.ts';
import { version } from './package.ts';

const CHILD_SOCKET = 3;
const ROUND_TRIPS = 2000;

/** Hands an open file from one process to another, and something back. */
export async function demo(): Promise<void> {
  const [ours, theirs] = newConnectedSockets();
  const channel = new Endpoint(ours);
  const { platform, arch } = process;
  const framing = channel.type.toUpperCase();
  say(`fdchannel ${version()}, Node ${process.version} on ${platform} ${arch}, framing ${framing}`);

  const child = startChild(theirs);
  // The child has a descriptor of its own now. With this one open, the end of the child would not end the channel.
  closeFD(theirs);
  say(`started process ${child.pid}, with its end of the channel as descriptor ${CHILD_SOCKET}`);

  const file = namelessFile('hello from a file that has no name');
  say(`sends descriptor ${file}: ${fileOf(file)}`);
  channel.sendFD(file);
  // The child takes its time to start; there is an event loop to wait on.
  const answer = await channel.recvFDAsync();
  say(`received descriptor ${answer}: ${fileOf(answer)}, "${textOf(answer)}"`);

  const histogram = createHistogram();
  let same = true;
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const start = process.hrtime.bigint();
    channel.sendFD(file);
    const back = channel.recvFD({ timeout: 1000 });
    if (i === 0) same = fileOf(back) === fileOf(file);
    closeFD(back);
    histogram.record(process.hrtime.bigint() - start);
  }
  const [p50, p99] = [50, 99].map((percent) => (histogram.percentile(percent) / 1000).toFixed(1));
  say(`there and back, ${ROUND_TRIPS} times: p50 ${p50} us, p99 ${p99} us`);

  await ending(child);
  if (!same) throw new Error('what came back is another file');
  say('same inode: one open file, two processes');
  for (const fd of [file, answer]) closeFD(fd);
  channel.destroy();
}

function say(line: string): void {
  tell('parent', line);
}

function startChild(socket: number): ChildProcess {
  // The neighbouring file, with this one's extension: .js where it is built.
  const script = fileURLToPath(import.meta.url).replace(/demo(?=\.\w+$)/, 'demo-child');
  const args = [...process.execArgv, script, `${CHILD_SOCKET}`, `${ROUND_TRIPS}`];
  return spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', socket] });
}

async function ending(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`the child ended with ${child.exitCode ?? child.signalCode}`);
}
