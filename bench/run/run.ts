import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Result } from '../harness/question.ts';
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
}

/** Makes sure, before anything is measured, that a run can be written there. @throws Error if not */
export function prepareFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, '');
  rmSync(`${file}.new`);
}

/** Replaces the file as a whole, so that whoever interrupts the run has the last one. */
export function writeRun(file: string, run: Run): void {
  writeFileSync(`${file}.new`, `${jsonOf(run)}\n`);
  renameSync(`${file}.new`, file);
}

const SIGNIFICANT_DIGITS = 6;

/** JSON with a line for each figure. What has a list of objects in it gets a line for each member. */
function jsonOf(value: unknown, indent = ''): string {
  if (!hasObjects(value)) {
    return JSON.stringify(value, (_, member) =>
      typeof member === 'number' ? Number(member.toPrecision(SIGNIFICANT_DIGITS)) : member,
    );
  }
  const deeper = `${indent} `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const members = Object.entries(value).map(([key, member]) => {
    const name = Array.isArray(value) ? '' : `${JSON.stringify(key)}: `;
    return `${deeper}${name}${jsonOf(member, deeper)}`;
  });
  return `${open}\n${members.join(',\n')}\n${indent}${close}`;
}

/** True of a list of objects, and of an object with such a list in it. */
function hasObjects(value: unknown): value is object {
  if (Array.isArray(value))
    return value.some((member) => typeof member === 'object' && !Array.isArray(member));
  return typeof value === 'object' && value !== null && Object.values(value).some(hasObjects);
}

/** @throws Error for what is no run */
export function readRun(file: string): Run {
  const run = JSON.parse(readFileSync(file, 'utf8')) as Partial<Run>;
  if (!Array.isArray(run.results)) throw new Error(`${file} is not a run of this bench`);
  return run as Run;
}
