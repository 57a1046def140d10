import { clockCost } from './harness/clock.ts';
import type { Question } from './harness/question.ts';
import { differences, repeatedRatios } from './run/comparison.ts';
import { quantity } from './run/format.ts';
import { judge, verdictRow } from './run/goals.ts';
import { type Machine, thisMachine } from './run/machine.ts';
import { type Options, parseOptions, USAGE } from './run/options.ts';
import { preparePeers } from './run/peers.ts';
import { drawPlots } from './run/plots.ts';
import { askInProcess } from './run/process.ts';
import { Progress } from './run/progress.ts';
import { loadQuestions } from './run/questions.ts';
import { type Run, readRun, writeRun } from './run/run.ts';
import { align, tablesOf } from './run/table.ts';
import { Workspace } from './run/workspace.ts';

/** What a shell says of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;

const progress = new Progress();
const interrupt = new AbortController();

async function main(): Promise<number> {
  const questions = await loadQuestions();
  let options: Options | 'help';
  let old: Run | undefined;
  try {
    options = parseOptions(
      process.argv.slice(2),
      questions.map(({ name }) => name),
    );
    if (options !== 'help' && options.compare !== undefined) old = readRun(options.compare);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`);
    return 2;
  }
  if (options === 'help') {
    progress.line(USAGE);
    progress.line('\nQuestions:');
    const rows = questions.map(({ name, title, onlyByName }) => [name, title, onlyByName ? '(by name)' : '']);
    for (const line of align(rows)) progress.line(line);
    return 0;
  }
  const workspace = new Workspace();
  try {
    return await bench(options, questions, workspace, old);
  } finally {
    workspace.remove();
  }
}

async function bench(
  options: Options,
  all: readonly Question[],
  workspace: Workspace,
  old: Run | undefined,
): Promise<number> {
  progress.show('compiling');
  workspace.compile();
  const peers = await preparePeers(options.peers, workspace, (text) => progress.show(text));
  const run: Run = {
    machine: thisMachine(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    clockNs: clockCost(),
    peers: peers.map(({ name, version, missing }) => ({
      name,
      ...(version !== undefined && { version }),
      ...(missing !== undefined && { missing }),
    })),
    results: [],
    verdicts: [],
  };
  introduce(run);

  const { only, quick, json } = options;
  const asked = all.filter(({ name, onlyByName }) => (only.length > 0 ? only.includes(name) : !onlyByName));
  const absent = peers.filter(({ missing }) => missing !== undefined).map(({ name }) => name);
  let failures = 0;
  for (const question of asked) {
    if (interrupt.signal.aborted) break;
    const task = { quick, temp: workspace.path, clockNs: run.clockNs, peers };
    progress.show(`${question.name} …`);
    const { result, failure } = await askInProcess(question, task, workspace, {
      signal: interrupt.signal,
      progress: (part, what) => progress.show(`${question.name} ${Math.round(100 * part)} % ${what}`),
    });
    if (result) {
      run.results.push(result);
      run.verdicts.push(...judge(result));
      progress.line(`\n${tablesOf(result, run.clockNs, absent)}`);
      if (json !== undefined) writeRun(json, run);
    }
    if (failure !== undefined) {
      failures++;
      progress.line(`\n${question.name} failed: ${failure}`);
    }
  }
  conclude(run, old);
  if (interrupt.signal.aborted) progress.line('\ninterrupted: what was measured until then is above');
  if (options.plots !== undefined) {
    progress.show('drawing');
    progress.line(`\n${drawPlots(run, options.plots, workspace)}`);
  }
  if (interrupt.signal.aborted) return INTERRUPTED;
  return failures === 0 ? 0 : 1;
}

function introduce({ machine, clockNs, peers }: Run): void {
  progress.line(headline(machine));
  progress.line(
    `one reading of the clock costs ${quantity(clockNs, 'ns')}: it is in every single call's time, twice in every batch's, and subtracted from none`,
  );
  for (const { name, version, missing } of peers) {
    progress.line(missing === undefined ? `peer ${name}: ${version}` : `missing ${name}: ${missing}`);
  }
}

function headline({ date, processor, processors, kernel, node, koffi, fdchannel, commit }: Machine): string {
  return `fdchannel ${fdchannel} (${commit}), koffi ${koffi}, Node ${node}; ${processors} x ${processor}, ${kernel}; ${date}`;
}

function conclude(run: Run, old: Run | undefined): void {
  if (run.verdicts.length > 0) {
    progress.line('\nGoals');
    for (const line of align(run.verdicts.map(verdictRow))) progress.line(line);
  }
  if (old) compareWith(old, run);
}

function compareWith(old: Run, run: Run): void {
  const found = differences(old, run);
  progress.line(`\nAgainst the run of ${old.machine.date}, by more than the spread`);
  for (const line of align(found.map(({ row }) => row))) progress.line(line);
  if (found.length === 0) progress.line('  nothing differs');
  const ratios = repeatedRatios(old, run);
  const [most] = ratios;
  if (most) {
    const close = ratios.filter(({ percent }) => percent <= 5).length;
    progress.line(
      `  ${close} of ${ratios.length} ratios are within 5 % of that run's; farthest, by ${most.percent.toFixed(1)} %: ${most.label}`,
    );
  }
  const [then, now] = [old, run].map(({ machine }) => headline({ ...machine, date: '', commit: '' }));
  if (then !== now) progress.line(`  that run: ${headline(old.machine)}`);
}

process.on('SIGINT', () => {
  // Asked a second time, it does not wait for anything.
  if (interrupt.signal.aborted) process.exit(INTERRUPTED);
  interrupt.abort();
});

process.exitCode = await main();
