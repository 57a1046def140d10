import { fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { closeFD } from '../../src/index.ts';
import { pathOf } from '../support/descriptors.ts';
import { FILES_FOLDER } from '../support/files.ts';

/** Files that can be told apart after they were sent: the size of each is its tag, a number from 1. */
export class TagFiles {
  readonly directory: string;

  /** @param directory one of {@link makeDirectory}, shared by all threads and processes of a run */
  constructor(directory: string) {
    this.directory = directory;
  }

  /** Opens the file of a tag. The descriptor is owned by the caller. */
  open(tag: number): number {
    const fd = openSync(join(this.directory, String(tag)), 'a+');
    // Another thread or process may have made the same file in this moment: then it has the same size.
    if (fstatSync(fd).size !== tag) ftruncateSync(fd, tag);
    return fd;
  }
}

export function makeDirectory(): string {
  return mkdtempSync(join(FILES_FOLDER, 'fdchannel-model-'));
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

/** Reads the tag of a descriptor that was received, which is closed. */
export function takeTag(fd: number): number {
  const { size } = statSync(pathOf(fd));
  closeFD(fd);
  return size;
}
