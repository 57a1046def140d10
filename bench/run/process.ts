import { fork } from 'node:child_process';
import type { Report } from '../harness/ask.ts';
import type { Task } from '../harness/bench.ts';
import type { Question, Result } from '../harness/question.ts';
import type { Workspace } from './workspace.ts';

/** How a question ended. */
export interface Answer {
  /** Missing when its process died before it could tell. */
  readonly result?: Result;
  readonly failure?: string;
}

interface Watcher {
  /** Ends the question early; it answers with what it has. */
  readonly signal: AbortSignal;
  progress(part: number, what: string): void;
}

/** Longer than any question takes by its own budget: past this, one hangs. */
const PATIENCE_MS = 15 * 60_000;

/** Asks a question in a fresh process. */
export function askInProcess(
  question: Question,
  task: Omit<Task, 'question'>,
  workspace: Workspace,
  watcher: Watcher,
): Promise<Answer> {
  return new Promise((resolve) => {
    const child = fork(workspace.compiled('harness/ask.js'), {
      execArgv: [...(question.execArgv ?? [])],
      // What it is compiled by must not load into what is measured.
      env: { ...process.env, ...question.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let answer: Answer = {};
    let errors = '';
    const stop = (): void => void child.kill('SIGINT');
    const patience = setTimeout(() => {
      answer = { failure: `no answer within ${PATIENCE_MS / 60_000} minutes` };
      child.kill('SIGKILL');
    }, PATIENCE_MS);
    watcher.signal.addEventListener('abort', stop);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    child.on('message', (report: Report) => {
      if (report.kind === 'progress') watcher.progress(report.part, report.what);
      else answer = report;
    });
    child.on('error', (error) => {
      answer = { failure: error.message };
    });
    child.on('close', (code, signal) => {
      clearTimeout(patience);
      watcher.signal.removeEventListener('abort', stop);
      if (answer.result || answer.failure !== undefined) resolve(answer);
      else resolve({ failure: `its process ended with ${signal ?? `code ${code}`}\n${errors}`.trim() });
    });
    child.send({ ...task, question: workspace.compiledURL(`questions/${question.name}.js`) });
  });
}
