import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of the project, or, in a module that was compiled, of what was compiled of it. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where the project is compiled, at the import of this module: Bun keeps open what it waits for the compiler with, which is
 * not to happen in a test. It takes two or three seconds, and a loader half a second of each process and each thread.
 */
const FOLDER = extname(import.meta.url) === '.js' ? ROOT : compile();

/**
 * @param file a module's path from the project's root, as in `src/index.ts`
 * @returns the path of that module in JavaScript, which every user may read, and which is there as long as the process
 */
export function javascriptOf(file: string): string {
  return join(FOLDER, file.replace(/\.ts$/, '.js'));
}

function compile(): string {
  const made = mkdtempSync(join(tmpdir(), 'fdchannel-compiled-'));
  process.prependListener('exit', () => rmSync(made, { recursive: true, force: true }));
  chmodSync(made, 0o755);
  for (const name of ['package.json', 'node_modules']) symlinkSync(join(ROOT, name), join(made, name));
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const how = ['--noEmit', 'false', '--noCheck', '--rootDir', ROOT, '--outDir', made];
  execFileSync(process.execPath, [compiler, '-p', ROOT, ...how], { stdio: 'inherit' });
  return made;
}
