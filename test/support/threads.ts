import { on } from 'node:events';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { javascriptOf } from './javascript.ts';
import { started } from './started.ts';

export interface Thread {
  readonly worker: Worker;
  /** The kernel's number of the thread, where /proc tells it. */
  readonly tid: number | undefined;
  /** The exit code. Rejects with what the thread threw. */
  readonly exit: Promise<number>;
  /** The next message that the thread posted. */
  next(): Promise<unknown>;
}

/**
 * Runs test/fixtures/`file` in a worker thread that does not outlive the test.
 *
 * Let it post something before it ends: a thread that ends in the middle of its imports may leave a file open.
 */
export async function startWorker(file: string, workerData?: unknown): Promise<Thread> {
  const bootstrap = /* js */ `
    const { existsSync, readlinkSync } = require('node:fs');
    const { parentPort } = require('node:worker_threads');
    const self = '/proc/thread-self';
    parentPort.postMessage(existsSync(self) ? Number(readlinkSync(self).split('/').at(-1)) : undefined);
    import(${JSON.stringify(pathToFileURL(javascriptOf(`test/fixtures/${file}`)).href)});
  `;
  // Without the loader that this process may have been started with.
  const worker = new Worker(bootstrap, { eval: true, execArgv: [], workerData });
  const messages = on(worker, 'message', { close: ['exit'] });
  const exit = new Promise<number>((resolve, reject) => {
    let settle: (code: number) => void = resolve;
    worker.once('error', (error) => {
      settle = () => reject(error);
    });
    worker.once('exit', (code) => settle(code));
  });
  exit.catch(() => {}); // A test need not look at it.
  const leave = started(`thread ${worker.threadId}, ${file}`, () => worker.terminate());
  worker.once('exit', leave);

  async function next(): Promise<unknown> {
    const { done, value } = await messages.next();
    if (done) throw new Error(`${file} ended without another message`);
    return value[0];
  }

  return { worker, tid: (await next()) as number | undefined, exit, next };
}
