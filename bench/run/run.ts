import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Result } from '../harness/question.ts';
import type { Verdict } from './goals.ts';
import type { Machine } from './machine.ts';
import type { PreparedPeer } from './peers.ts';

/** A run as `--json` keeps it. */
export interface Run {
  readonly machine: Machine;
  readonly command: string;
  /** What one reading of the clock costs in Node; every latency of a local side includes one. */
  readonly clockNs: number;
  readonly peers: readonly Pick<PreparedPeer, 'name' | 'version' | 'missing'>[];
  readonly results: Result[];
  readonly verdicts: Verdict[];
}

/** Makes sure, before anything is measured, that a run can be written there. @throws Error if not */
export function prepareFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, '');
  rmSync(`${file}.new`);
}

/** Replaces the file as a whole, so that whoever interrupts the run has the last one. */
export function writeRun(file: string, run: Run): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(run, undefined, 1)}\n`);
  renameSync(`${file}.new`, file);
}

/** @throws Error for what is no run */
export function readRun(file: string): Run {
  const run = JSON.parse(readFileSync(file, 'utf8')) as Partial<Run>;
  if (!Array.isArray(run.results)) throw new Error(`${file} is not a run of this bench`);
  return run as Run;
}
