// The process in which one question is asked. It is told its task by message, and reports by message.
import { Recorder, type Task } from './bench.ts';
import type { Question, Result } from './question.ts';

/** What a question's process says to the run. */
export type Report =
  | { readonly kind: 'progress'; readonly part: number; readonly what: string }
  | { readonly kind: 'result'; readonly result: Result; readonly failure?: string };

const PROGRESS_EVERY_MS = 100;

function say(report: Report): Promise<void> {
  return new Promise((resolve) => process.send?.(report, () => resolve()));
}

async function ask(task: Task): Promise<void> {
  const { default: question } = (await import(task.question)) as { default: Question };
  let said = 0;
  const recorder = new Recorder(task, question, (part, what) => {
    if (performance.now() - said < PROGRESS_EVERY_MS) return;
    said = performance.now();
    void say({ kind: 'progress', part, what });
  });
  const stop = (): void => {
    recorder.stopped = true;
  };
  process.on('SIGINT', stop);
  const start = performance.now();
  let failure: string | undefined;
  try {
    await question.measure(recorder);
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  recorder.result.seconds = (performance.now() - start) / 1000;
  await say({ kind: 'result', result: recorder.result, ...(failure !== undefined && { failure }) });
  process.exit();
}

process.once('message', (task) => void ask(task as Task));
