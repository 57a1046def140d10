import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess } from './processes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let folder: Promise<string> | undefined;

/** The package as it is published, for programs that no loader runs: compiled once. @returns the path of index.js */
export async function built(): Promise<string> {
  folder ??= compile();
  return join(await folder, 'dist', 'index.js');
}

async function compile(): Promise<string> {
  const made = mkdtempSync(join(tmpdir(), 'fdchannel-built-'));
  process.prependListener('exit', () => rmSync(made, { recursive: true, force: true }));
  writeFileSync(join(made, 'package.json'), '{ "type": "module" }');
  symlinkSync(join(ROOT, 'node_modules'), join(made, 'node_modules'));
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(made, 'dist')];
  const { code, stdout } = await startProcess(process.execPath, [compiler, ...args], { timeout: 60_000 })
    .exit;
  assert.equal(code, 0, stdout);
  return made;
}
