import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Exit, startProcess } from './processes.ts';

/** The folder of this package's own package.json. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** npm asks a registry for koffi. */
export const SLOW = { timeout: 180_000 };

/** Runs a command that has to succeed. */
export async function run(cwd: string, command: string, ...args: string[]): Promise<Exit> {
  const exit = await startProcess(command, args, { cwd, timeout: SLOW.timeout - 10_000 }).exit;
  const what = [command, ...args].join(' ');
  assert.equal(exit.code, 0, `${what}: ${exit.signal ?? exit.code}\n${exit.stdout}${exit.stderr}`);
  return exit;
}

/** Packs the package and installs it into an empty project. @returns the project's folder */
async function install(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-package-'));
  process.prependListener('exit', () => rmSync(folder, { recursive: true, force: true }));
  // This may itself be run by an npm with other options, which its children inherit.
  const options = ['--ignore-scripts=false', '--dry-run=false'];
  await run(ROOT, 'npm', 'pack', ...options, '--pack-destination', folder);
  const [tarball = 'none', ...others] = readdirSync(folder);
  assert.ok(tarball.endsWith('.tgz') && others.length === 0, 'one tarball was packed');
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--dry-run=false'];
  await run(project, 'npm', 'install', ...quiet, join('..', tarball));
  return project;
}

let project: Promise<string> | undefined;

/** A project that has the packed package installed, made once for all tests, which give their files own names. */
export function installed(): Promise<string> {
  project ??= install();
  return project;
}
