import { inspect } from 'node:util';

const SLOW = 2000;

interface Entry {
  readonly file: string;
  readonly title: string;
  outcome: 'waiting' | 'running' | 'passed' | 'failed' | 'skipped';
  reason: string;
  ms: number;
}

export type Outcome = Entry['outcome'];

const entries: Entry[] = [];
const problems: string[] = [];
let complete = false;

export function enter(file: string, title: string): Entry {
  const entry: Entry = { file, title, outcome: 'waiting', reason: '', ms: 0 };
  entries.push(entry);
  return entry;
}

/** What makes the run fail and is no test's fault. */
export function problem(what: string, cause?: unknown): void {
  problems.push(cause === undefined ? what : `${what}: ${inspect(cause)}`);
}

/** Every file was imported, and every test that is known has run. */
export function completed(files: readonly string[]): void {
  complete = true;
  for (const file of files) {
    if (!entries.some((entry) => entry.file === file)) problem(`no test in ${file}`);
  }
}

/**
 * Prints what uvu does not: times, reasons, what went wrong outside of tests, and last of all the count. What failed is
 * said here once more, as uvu says it long before the end.
 *
 * @returns the exit code
 */
export function conclude(exitCode: number): number {
  const during = entries.find(({ outcome }) => outcome === 'running');
  if (!complete) problem(`the process ended early, ${during ? `in ${during.title}` : 'between tests'}`);
  const waiting = entries.filter(({ outcome }) => outcome === 'waiting').length;
  if (waiting > 0) problem(`never ran: ${waiting} of ${entries.length} tests`);
  const count = (wanted: Outcome) => entries.filter(({ outcome }) => outcome === wanted).length;
  if (problems.length === 0 && entries.length === 0) problem('no test ran');
  if (problems.length + count('failed') === 0 && exitCode !== 0) problem(`exit code ${exitCode}`);

  const skipped = count('skipped');
  const failed = count('failed') + problems.length;
  const lines = [
    ...times(),
    ...entries.filter(({ ms }) => ms > SLOW).map(({ title, ms }) => `slow: ${title}: ${seconds(ms)}`),
    ...entries
      .filter(({ outcome }) => outcome === 'skipped')
      .map(({ title, reason }) => `skipped: ${title}: ${reason}`),
    ...entries
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ title, reason }) => `failed: ${title}: ${reason}`),
    ...problems.map((text) => `problem: ${text}`),
    `${count('passed')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failed > 0 ? exitCode || 1 : exitCode;
}

function times(): string[] {
  const files = [...new Set(entries.map(({ file }) => file))];
  return files.map((file) => {
    const ms = entries.filter((entry) => entry.file === file).reduce((sum, entry) => sum + entry.ms, 0);
    return `${seconds(ms)}  ${file}`;
  });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
