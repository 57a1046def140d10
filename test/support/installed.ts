import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

/** Packs the package. @returns the tarball's path */
async function pack(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-package-'));
  process.prependListener('exit', () => rmSync(folder, { recursive: true, force: true }));
  // Processes of other users run it, too.
  chmodSync(folder, 0o755);
  // This may itself be run by an npm with other options, which its children inherit.
  const options = ['--ignore-scripts=false', '--dry-run=false'];
  await run(ROOT, 'npm', 'pack', ...options, '--pack-destination', folder);
  const [tarball = 'none', ...others] = readdirSync(folder);
  assert.ok(tarball.endsWith('.tgz') && others.length === 0, 'one tarball was packed');
  return join(folder, tarball);
}

/** Installs the packed package into an empty project. @returns the project's folder */
async function install(): Promise<string> {
  const tarball = await packed();
  const project = join(dirname(tarball), 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--dry-run=false'];
  await run(project, 'npm', 'install', ...quiet, tarball);
  return project;
}

let tarball: Promise<string> | undefined;

/** The package as npm packs it, made once for all tests. */
export function packed(): Promise<string> {
  tarball ??= pack();
  return tarball;
}

let project: Promise<string> | undefined;

/** A project that has the packed package installed, made once for all tests, which give their files own names. */
export function installed(): Promise<string> {
  project ??= install();
  return project;
}
