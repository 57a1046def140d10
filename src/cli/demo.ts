#!/usr/bin/env node
// An open file, handed from one process to another and something back: `npm start`, `npx fdchannel`.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHistogram } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { closeFD, Endpoint, newConnectedSockets, newEndpoint } from '../index.ts';

const CHILD = '--child';
const CHILD_SOCKET = 3;
const ROUND_TRIPS = 2000;

const [who, colour] = process.argv[2] === CHILD ? ['child ', 36] : ['parent', 33];

function tell(line: string): void {
  const name = `${who} ${process.pid}`;
  const coloured = process.stdout.isTTY && !process.env['NO_COLOR'];
  console.log(`${coloured ? `\x1b[${colour}m${name}\x1b[0m` : name}  ${line}`);
}

/** A file that has no name any more: only descriptors lead to it. */
function namelessFile(text: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  try {
    const fd = openSync(join(folder, 'file'), 'wx+');
    writeSync(fd, text);
    return fd;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// By position: the offset belongs to the description, and is at the end of what was written.
function textOf(fd: number): string {
  const buffer = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, buffer, 0, buffer.length, 0);
  return buffer.toString();
}

function fileOf(fd: number): string {
  const { dev, ino } = fstatSync(fd);
  return `device ${dev}, inode ${ino}`;
}

function child(): void {
  const channel = newEndpoint(CHILD_SOCKET);
  const received = channel.recvFD();
  tell(`received it as descriptor ${received}, which is ${fileOf(received)}`);
  tell(`read "${textOf(received)}" through it`);

  const answer = namelessFile(`seen by process ${process.pid}`);
  tell(`sends back descriptor ${answer}: ${fileOf(answer)}`);
  channel.sendFD(answer);

  for (let i = 0; i < ROUND_TRIPS; i++) {
    const fd = channel.recvFD();
    channel.sendFD(fd);
    closeFD(fd);
  }
  channel.destroy();
}

async function parent(): Promise<void> {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const [ours, theirs] = newConnectedSockets();
  const channel = new Endpoint(ours);
  const framing = channel.type.toUpperCase();
  tell(
    `fdchannel ${version}, Node ${process.version} on ${process.platform} ${process.arch}, framing ${framing}`,
  );

  const self = fileURLToPath(import.meta.url);
  const peer = spawn(process.execPath, [...process.execArgv, self, CHILD], {
    stdio: ['ignore', 'inherit', 'inherit', theirs],
  });
  // The child has a descriptor of its own now. With this one open, the end of the child would not end the channel.
  closeFD(theirs);
  tell(`started process ${peer.pid}, with its end of the channel as descriptor ${CHILD_SOCKET}`);

  const file = namelessFile('hello from a file that has no name');
  tell(`sends descriptor ${file}: ${fileOf(file)}`);
  channel.sendFD(file);
  // The child takes its time to start; there is an event loop to wait on.
  const answer = await channel.recvFDAsync();
  tell(`received descriptor ${answer}: ${fileOf(answer)}, "${textOf(answer)}"`);

  const histogram = createHistogram();
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const start = process.hrtime.bigint();
    channel.sendFD(file);
    closeFD(channel.recvFD({ timeout: 1000 }));
    histogram.record(process.hrtime.bigint() - start);
  }
  const [p50, p99] = [50, 99].map((percent) => (histogram.percentile(percent) / 1000).toFixed(1));
  tell(`there and back, ${ROUND_TRIPS} times: p50 ${p50} us, p99 ${p99} us`);

  await ending(peer);
  for (const fd of [file, answer]) closeFD(fd);
  channel.destroy();
}

async function ending(peer: ChildProcess): Promise<void> {
  if (peer.exitCode === null && peer.signalCode === null) await once(peer, 'exit');
  if (peer.exitCode !== 0) throw new Error(`the child ended with ${peer.exitCode ?? peer.signalCode}`);
}

try {
  if (process.argv[2] === CHILD) child();
  else await parent();
} catch (error) {
  console.error(`fdchannel: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
