import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installPackages } from './packages.ts';
import { type Run, writeRun } from './run.ts';
import { BENCH, type Workspace } from './workspace.ts';

/**
 * Draws a run's pictures into a folder.
 *
 * @returns what was drawn, a file a line
 * @throws Error when the drawing library can't be installed, or can't draw
 */
export function drawPlots(run: Run, folder: string, workspace: Workspace): string {
  if (!existsSync(join(BENCH, 'node_modules', 'vega-lite'))) {
    const failure = installPackages(BENCH);
    if (failure !== undefined) throw new Error(`npm ci --prefix bench failed: ${failure}`);
  }
  const file = join(workspace.path, 'run.json');
  writeRun(file, run);
  const script = join(BENCH, 'plots', 'draw.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, file, folder], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr.trim());
  return stdout.trim();
}
