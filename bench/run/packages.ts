import { spawnSync } from 'node:child_process';

/**
 * Installs what a folder's lock file names, and nothing else.
 *
 * @returns what went wrong, if anything did
 */
export function installPackages(folder: string): string | undefined {
  const { status, stderr, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--prefix', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (error) return error.message;
  if (status === 0) return undefined;
  const errors = stderr.split('\n').filter((line) => line.startsWith('npm error'));
  return errors.slice(0, 3).join(' | ') || `exited with code ${status}`;
}
