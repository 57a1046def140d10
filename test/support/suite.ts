import { Socket } from 'node:net';
import { relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { inspect, types } from 'node:util';
import { type Endpoint, newConnectedSockets, newEndpoint, UnixSocket } from '../../src/index.ts';
import { interrupt, patience, startWatchdog, unwatch, watch, withinDeadline } from './deadline.ts';
import { changes, descriptorsSettle, type Identity, openDescriptors } from './descriptors.ts';
import { completed, conclude, enter, problem } from './report.ts';
import { abandonStarted, endStarted } from './started.ts';

declare global {
  var UVU_DEFER: number | undefined;
  var UVU_INDEX: number | undefined;
}
// uvu looks at this when it is imported: without it, every file would run on its own, and the whole again after that.
globalThis.UVU_DEFER = 1;
const uvu = await import('uvu');

export interface TestOptions {
  /** Milliseconds. @default 60000 */
  readonly timeout?: number;
  /** Why the test cannot run here. */
  readonly skip?: string | false | undefined;
}

export type Test = (title: string, body: () => unknown, options?: TestOptions) => void;

type Entry = ReturnType<typeof enter>;

class Skip extends Error {}

/** What a stack trace says about the runner, and not about the test. */
const OURS = /support\/(?:suite|deadline|run)\.[jt]s|node_modules\/uvu/;

let files: readonly string[] = [];
let latest: Entry | undefined;

/**
 * A group of tests, which run one after another. There are no hooks: uvu lets a run pass whose hooks throw.
 *
 * A test fails when its body throws, takes too long, or leaves behind a process, a thread or a changed set of
 * open descriptors.
 */
export function suite(name: string, define: (test: Test) => void): void {
  const group = uvu.suite(name);
  const file = files[globalThis.UVU_INDEX ?? 0] ?? 'an unknown file';
  let size = 0;
  define((title, body, options = {}) => {
    size += 1;
    const entry = enter(file, `${name} > ${title}`);
    if (options.skip) {
      skipped(entry, options.skip);
      group.skip();
    } else {
      group(title, () => runTest(entry, body, options.timeout ?? 60_000));
    }
  });
  if (size === 0) problem(`no test in suite ${name}`);
  group.run();
}

/** Ends the test, which counts as skipped. */
export function skip(reason: string): never {
  throw new Skip(reason);
}

/** Imports the files and runs their tests. */
export async function runFiles(paths: readonly string[]): Promise<void> {
  files = paths.map((path) => relative(process.cwd(), path));
  const { run } = await import('uvu/run');
  // uvu imports 'file:///' + file.
  const suites = paths.map((path, index) => ({
    name: files[index] as string,
    file: pathToFileURL(path).href.slice('file:///'.length),
  }));
  await startWatchdog();
  watch('the import of the tests', 60_000);
  try {
    await run(suites);
    completed(files);
  } catch (error) {
    problem('the import of the tests', error);
    completed([]);
  }
  unwatch();
  setTimeout(() => {
    problem(`the event loop is kept alive by ${process.getActiveResourcesInfo().join(', ')}`);
    process.exit();
  }, patience).unref();
}

async function runTest(entry: Entry, body: () => unknown, timeout: number): Promise<void> {
  ready ??= prepare();
  await ready;
  const before = openDescriptors();
  const faults: unknown[] = [];
  const start = performance.now();
  entry.outcome = 'running';
  latest = entry;
  watch(entry.title, timeout + 3 * patience);
  try {
    await withinDeadline(timeout, body);
    entry.outcome = 'passed';
  } catch (thrown) {
    if (thrown instanceof Skip) skipped(entry, thrown.message);
    else faults.push(thrown);
  }
  for (const what of await endStarted()) faults.push(new Error(`still running: ${what}`));
  for (const change of await settledChanges(before)) faults.push(new Error(`descriptor ${change}`));
  unwatch();
  entry.ms = performance.now() - start;
  if (faults.length > 0) {
    const error = failure(faults);
    entry.outcome = 'failed';
    entry.reason = `${error.message}${error.stack}`;
    throw error;
  }
}

let ready: Promise<void> | undefined;

/**
 * Opens what Node opens late and what a thread keeps from its first wait on, and waits for what the import of the
 * tests still does in the background.
 */
async function prepare(): Promise<void> {
  void process.stdout;
  void process.stderr;
  waitOnce();
  // From the first stream on, libuv keeps a descriptor to spare.
  const [one, other] = UnixSocket.pair('stream');
  new Socket({ fd: one.detach() }).destroy();
  other.destroy();
  await descriptorsSettle();
}

function waitOnce(): void {
  const [one, other] = newConnectedSockets().map(newEndpoint) as [Endpoint, Endpoint];
  one.recvFDAsync().catch(() => {});
  one.destroy();
  other.destroy();
}

/** Node closes much behind our back: sockets in the next turn of the loop, the pipes of a process after its end. */
async function settledChanges(before: Map<number, Identity>): Promise<string[]> {
  const end = performance.now() + patience;
  for (;;) {
    const found = changes(before, openDescriptors());
    if (found.length === 0 || performance.now() > end) return found;
    await delay(5);
  }
}

/**
 * What uvu can print. It drops the rest of a suite when something else than an Error was thrown, and forgets a
 * failure whose values it cannot compare (a symbol); Node's message already says how the values differ.
 */
function failure(faults: readonly unknown[]): Error {
  const [first, ...others] = faults;
  const error = asError(first);
  const cause = error.cause === undefined ? [] : [`caused by ${inspect(error.cause)}`];
  const also = others.map((other) => `and ${asError(other).message}`);
  const text = new Error(
    [`${error.name}: ${error.message}`, ...cause, ...also].join('\n').replaceAll('\n', '\n    '),
  );
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !OURS.test(line));
  text.stack = ['', ...frames].join('\n');
  return text;
}

function asError(thrown: unknown): Error {
  return types.isNativeError(thrown) ? thrown : new Error(`thrown, and not an Error: ${inspect(thrown)}`);
}

function skipped(entry: Entry, reason: string): void {
  entry.outcome = 'skipped';
  entry.reason = reason;
}

process.on('uncaughtException', (error, origin) => {
  if (!interrupt(error)) problem(latest ? `${origin} after ${latest.title}` : origin, error);
});

process.on('exit', (code) => {
  process.exitCode = conclude(code);
  abandonStarted();
});
