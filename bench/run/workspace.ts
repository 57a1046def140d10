import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const BENCH: string = fileURLToPath(new URL('..', import.meta.url));
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));

/** A folder for one run: the compiled library and bench, compiled peers, temporary files. */
export class Workspace {
  readonly path: string;

  constructor() {
    // Below the project's node_modules, where what is compiled finds koffi.
    const parent = join(ROOT, 'node_modules', '.cache');
    mkdirSync(parent, { recursive: true });
    this.path = mkdtempSync(join(parent, 'fdchannel-bench-'));
  }

  /**
   * Compiles the library and the questions, so that what is measured is what is shipped: the compiler's output,
   * and not that of a loader that compiles on the fly.
   *
   * @throws Error with the compiler's words
   */
  compile(): void {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const args = [tsc, '-p', join(BENCH, 'tsconfig.run.json'), '--outDir', this.path];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the bench does not compile:\n${stdout}${stderr}`);
    writeFileSync(join(this.path, 'package.json'), '{ "type": "module" }');
  }

  /** Where a module of the bench lies when compiled. */
  compiled(module: string): string {
    return join(this.path, 'bench', module);
  }

  compiledURL(module: string): string {
    return pathToFileURL(this.compiled(module)).href;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
