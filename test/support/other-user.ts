import { spawnSync } from 'node:child_process';

/** A user, and a group, to whom nothing belongs. */
export const NOBODY = 65534;

export interface User {
  readonly uid: number;
  readonly gid: number;
}

const OTHER: User = { uid: NOBODY, gid: NOBODY };

/** For a test's `skip`, where {@link otherUser} is undefined. */
export const NO_OTHER_USER = `only root can start a process of another user, who must be allowed to run ${process.execPath}`;

/** What `startProcess` takes to start a process of another user, if that can start Node. */
export function otherUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return spawnSync(process.execPath, ['--version'], { ...OTHER, cwd: '/' }).status === 0 ? OTHER : undefined;
}

/**
 * Makes an unprivileged process of root's, of a user that other processes do not have: Linux counts the descriptors that a
 * user has on their way, whoever sends them.
 */
export function dropPrivileges(): void {
  if (process.getuid?.() !== 0) return;
  const own = 20_000 + (process.pid % 40_000);
  process.setgroups?.([]);
  process.setgid?.(own);
  process.setuid?.(own);
}

/** Whether a root of this host may become another user. */
export function canDropPrivileges(): boolean {
  if (process.getuid?.() !== 0) return true;
  const program = `process.setgid(${NOBODY}); process.setuid(${NOBODY})`;
  return spawnSync(process.execPath, ['-e', program]).status === 0;
}
