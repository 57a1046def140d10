import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFD } from '../../src/index.ts';

/** A file without a name, open for reading and writing, its offset at the beginning. Owned by the caller. */
export function temporaryFile(content = ''): number {
  const directory = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  const fd = openSync(join(directory, 'file'), 'w+');
  rmSync(directory, { recursive: true });
  writeSync(fd, content, 0);
  return fd;
}

/** A file that can be told from others after it was sent: its size is the tag. Owned by the caller. */
export function tagged(tag: number): number {
  const fd = temporaryFile();
  ftruncateSync(fd, tag);
  return fd;
}

/** The tag of a file that was received, which is closed. */
export function tagOf(fd: number): number {
  const { size } = fstatSync(fd);
  closeFD(fd);
  return size;
}

/** Runs the body with descriptors of its own, and closes them. */
export async function withDescriptors(
  fds: readonly number[],
  body: (...fds: number[]) => unknown,
): Promise<void> {
  try {
    await body(...fds);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}
