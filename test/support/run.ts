/**
 * Runs the tests: node --import tsx test/support/run.ts [file, directory or pattern]...
 *
 * Without arguments these are all files `*.test.ts` below test/.
 */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { problem } from './report.ts';
import { runFiles } from './suite.ts';

const TESTS = dirname(dirname(fileURLToPath(import.meta.url)));

function testsBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(directory, name));
}

function select(argument: string): string[] {
  const path = resolve(argument);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile()) return [path];
  return found?.isDirectory()
    ? testsBelow(path)
    : testsBelow(TESTS).filter((test) => test.includes(argument));
}

const selected = (process.argv.length > 2 ? process.argv.slice(2) : [TESTS]).map((argument) => {
  const files = select(argument);
  if (files.length === 0) problem(`no test file matches ${argument}`);
  return files;
});

await runFiles([...new Set(selected.flat())]);
