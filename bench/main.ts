import { clockCost } from './harness/clock.ts';
import type { Question } from './harness/question.ts';
import { judge, type Verdict } from './run/goals.ts';
import { thisMachine } from './run/machine.ts';
import { type Options, parseOptions, USAGE } from './run/options.ts';
import { preparePeers } from './run/peers.ts';
import { drawPlots } from './run/plots.ts';
import { askInProcess } from './run/process.ts';
import { Progress } from './run/progress.ts';
import { loadQuestions } from './run/questions.ts';
import { prepareFile, type Run, readRun, writeRun } from './run/run.ts';
import { comparisonText, goalsText, introduction } from './run/summary.ts';
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
    if (options !== 'help') {
      if (options.compare !== undefined) old = readRun(options.compare);
      if (options.json !== undefined) prepareFile(options.json);
    }
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}\n`);
    return 2;
  }
  if (options === 'help') {
    progress.line(USAGE);
    progress.line('\nQuestions:');
    const rows = questions.map(({ name, title }) => [name, title]);
    for (const line of align(rows, 'left')) progress.line(line);
    return 0;
  }
  const workspace = new Workspace();
  process.once('exit', () => workspace.remove());
  return bench(options, questions, workspace, old);
}

async function bench(
  options: Options,
  all: readonly Question[],
  workspace: Workspace,
  old: Run | undefined,
): Promise<number> {
  progress.show('compiling');
  workspace.compile();
  const peers = preparePeers(options.peers, workspace, (text) => progress.show(text));
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
  };
  const verdicts: Verdict[] = [];
  progress.line(introduction(run));

  const { only, quick, json } = options;
  const asked = all.filter(({ name }) => only.length === 0 || only.includes(name));
  const introduced = peers.flatMap(({ missing }) => missing ?? []);
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
      verdicts.push(...judge(question, result));
      progress.line(`\n${tablesOf(result, run.clockNs, introduced)}`);
      if (json !== undefined) writeRun(json, run);
    }
    if (failure !== undefined) {
      failures++;
      progress.line(`\n${question.name} failed: ${failure}`);
    }
  }
  if (verdicts.length > 0) progress.line(`\n${goalsText(verdicts)}`);
  if (old) progress.line(`\n${comparisonText(old, run)}`);
  if (interrupt.signal.aborted) progress.line('\ninterrupted: what was measured until then is above');
  if (options.plots !== undefined) {
    progress.show('drawing');
    try {
      progress.line(`\n${drawPlots(run, options.plots, workspace)}`);
    } catch (error) {
      failures++;
      progress.line(`\nnothing drawn: ${(error as Error).message}`);
    }
  }
  if (interrupt.signal.aborted) return INTERRUPTED;
  return failures === 0 ? 0 : 1;
}

process.on('SIGINT', () => {
  // Asked a second time, it does not wait for anything.
  if (interrupt.signal.aborted) process.exit(INTERRUPTED);
  interrupt.abort();
});

process.exitCode = await main();
