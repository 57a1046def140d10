import { join } from 'node:path';
import { type SocketType, UnixSocket } from '../../src/index.ts';
import { installed } from './installed.ts';
import { onceThere } from './named.ts';
import { type Process, type ProcessOptions, startProcess } from './processes.ts';

/** What starts `fdchannel` as npm has installed it. */
export async function command(...args: readonly string[]): Promise<[file: string, ...args: string[]]> {
  return [process.execPath, join(await installed(), 'node_modules/fdchannel/dist/cli/main.js'), ...args];
}

/** Starts `fdchannel` with these words. */
export async function startCommand(args: readonly string[], options?: ProcessOptions): Promise<Process> {
  const [file, ...others] = await command(...args);
  return startProcess(file, others, options);
}

/** Waits until a receiver listens, as a visitor that sends nothing finds out. */
export async function untilThere(receiver: Process, address: string, type?: SocketType): Promise<void> {
  const visitor = await onceThere(receiver, async () => UnixSocket.connect(address, { type }));
  visitor.destroy();
}
