import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Exit, startProcess } from './processes.ts';
import { skip } from './suite.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** For tests that install packages. */
export const SLOW = { timeout: 300_000 };

/** A project of somebody else's. */
export interface Project {
  readonly manager: readonly [string, ...string[]];
  /** From the registry. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** Which of fdchannel's packages stands in the place of which package. */
  readonly overrides?: Readonly<Record<string, string>>;
}

/** Runs a program that must end well. */
export async function run(cwd: string, command: string, ...args: string[]): Promise<Exit> {
  const exit = await startProcess(command, args, { cwd, timeout: SLOW.timeout - 20_000 }).exit;
  if (exit.code === 0) return exit;
  throw new Error(
    `${[command, ...args].join(' ')}: ${exit.signal ?? exit.code}\n${exit.stdout}${exit.stderr}`,
  );
}

/** fdchannel and its packages for overrides, packed. @returns their paths by their names */
let packed: Promise<Record<string, string>> | undefined;

async function pack(): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-packed-'));
  process.prependListener('exit', () => rmSync(folder, { recursive: true, force: true }));
  await run(ROOT, 'npm', 'pack', '--silent', '--dry-run=false', '--pack-destination', folder);
  await run(ROOT, process.execPath, '.ci/pack-drop-ins.mjs', folder);
  const names = readdirSync(folder).map((file) => [file.replace(/-\d.*/, ''), join(folder, file)]);
  return Object.fromEntries(names);
}

/**
 * A project that has fdchannel, as it would come from the registry, and others' packages, which do. Skips the test
 * where there is no registry.
 *
 * @returns its folder, which is removed in the end
 */
export async function projectOf({ manager, dependencies, overrides = {} }: Project): Promise<string> {
  packed ??= pack();
  const tarballs = await packed;
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-project-'));
  process.prependListener('exit', () => rmSync(folder, { recursive: true, force: true }));
  const fdchannel = `file:${tarballs['fdchannel']}`;
  const replaced = Object.entries(overrides).map(([name, by]) => [name, `file:${tarballs[by]}`]);
  const manifest = {
    private: true,
    dependencies: { ...dependencies, fdchannel },
    overrides: Object.fromEntries(replaced),
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  // pnpm has them in a file of its own, and does not take the one fdchannel for the other without being told.
  const lines = [...replaced, ['fdchannel', fdchannel]].map(([name, by]) => `  ${name}: ${by}\n`);
  writeFileSync(join(folder, 'pnpm-workspace.yaml'), `overrides:\n${lines.join('')}`);
  await install(folder, manager);
  return folder;
}

async function install(folder: string, [command, ...args]: readonly [string, ...string[]]): Promise<void> {
  try {
    await run(folder, command, ...args, 'install', '--ignore-scripts');
  } catch (error) {
    if (
      /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ENOTCACHED|ERR_PNPM_META_FETCH_FAIL|ERR_SOCKET/.test(
        `${error}`,
      )
    ) {
      skip('npm’s registry cannot be reached');
    }
    throw error;
  }
}

export const NPM = ['npm', '--no-audit', '--no-fund', '--prefer-offline', '--dry-run=false'] as const;

/** Packages that are compiled where they are installed; kept, as that takes long. Skips the test where that fails. */
export async function compiled(name: string, version: string): Promise<string> {
  const key = createHash('sha1').update(`${name}@${version} ${process.version}`).digest('hex').slice(0, 12);
  const folder = join(ROOT, 'node_modules/.cache/fdchannel-peers', `${name}-${key}`);
  const module = join(folder, 'node_modules', name);
  if (!existsSync(module)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const [command, ...options] = NPM;
    const args = [...options, '--ignore-scripts=false', 'install', `${name}@${version}`];
    await run(folder, command, ...args).catch(() => undefined);
  }
  // The compiler finds the headers of the Node that is installed, which need not be those of this one.
  const loads = await startProcess(process.execPath, ['-e', `require(${JSON.stringify(module)})`]).exit;
  if (loads.code !== 0) skip(`${name} ${version} cannot be compiled here for Node ${process.version}`);
  return module;
}
