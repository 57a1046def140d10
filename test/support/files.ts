import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { closeFD } from '../../src/index.ts';

const MEMORY = '/dev/shm';

/** In memory, if there is such a place: on a disk, a new file takes a hundred times as long as all that is done with it. */
export const FILES_FOLDER: string = existsSync(MEMORY) ? MEMORY : tmpdir();

let made = 0;

/** A file without a name, open for reading and writing, its offset at the beginning. Owned by the caller. */
export function temporaryFile(content = ''): number {
  made += 1;
  const path = join(FILES_FOLDER, `fdchannel-${process.pid}-${threadId}-${made}`);
  const fd = openSync(path, 'wx+');
  unlinkSync(path);
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
