import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import koffi from 'koffi';

const O_CLOEXEC = 0o2000000;

const pipe2 = koffi.load(null).func('int pipe2(_Out_ int *fds, int flags)');

/** A pipe that never blocks, its ends close-on-exec and owned by the caller. */
export function pipe(): [read: number, write: number] {
  const fds = [-1, -1];
  assert.equal(pipe2(fds, constants.O_NONBLOCK | O_CLOEXEC), 0);
  return fds as [number, number];
}
