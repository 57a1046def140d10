import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, type as systemName } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './workspace.ts';

/** On what a run was made, and of what. */
export interface Machine {
  readonly date: string;
  readonly processor: string;
  readonly processors: number;
  readonly kernel: string;
  readonly node: string;
  readonly koffi: string;
  readonly fdchannel: string;
  readonly commit: string;
}

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    processor: processors[0]?.model.trim() ?? process.arch,
    processors: processors.length,
    kernel: `${systemName()} ${release()} ${process.arch}`,
    node: process.version,
    koffi: versionOf(join(ROOT, 'node_modules', 'koffi')),
    fdchannel: versionOf(ROOT),
    commit: commit(),
  };
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

function commit(): string {
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', ['-C', ROOT, ...args], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const head = git('rev-parse', '--short', 'HEAD');
  if (head === undefined) return 'unknown';
  return git('status', '--porcelain', 'src') ? `${head} with changes` : head;
}
