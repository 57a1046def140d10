import { fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { print } from './output.ts';

const COLOURS = { parent: 33, child: 36 } as const;

/** Says what one of the two processes does. */
export function tell(who: keyof typeof COLOURS, line: string): void {
  const name = `${who.padEnd(6)} ${process.pid}`;
  const coloured = process.stdout.isTTY && !process.env['NO_COLOR'];
  print(`${coloured ? `\x1b[${COLOURS[who]}m${name}\x1b[0m` : name}  ${line}`);
}

/** A file that has no name any more: only descriptors lead to it. */
export function namelessFile(text: string): number {
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
export function textOf(fd: number): string {
  const buffer = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, buffer, 0, buffer.length, 0);
  return buffer.toString();
}

export function fileOf(fd: number): string {
  const { dev, ino } = fstatSync(fd);
  return `device ${dev}, inode ${ino}`;
}
