import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { type Agent, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { installed } from '../support/installed.ts';
import { type Process, type ProcessOptions, startProcess } from '../support/processes.ts';
import { recipes } from '../support/readme.ts';

export interface RecipeOptions extends ProcessOptions {
  /** A command that runs the one that follows it. */
  readonly prefix?: readonly string[];
}

/** Starts a program by the name that README gives it. */
export type Start = (name: string, options?: RecipeOptions) => Process;

/**
 * Runs the body in a folder that has README's programs as a reader copies them, beside an installed package. Ends what
 * still runs afterwards. No program may have written to its standard error.
 *
 * @param project where packages are installed; the packed package and nothing else, when it is not given
 */
export async function withRecipes(
  body: (start: Start, folder: string) => Promise<void>,
  project?: string,
): Promise<void> {
  const packages = project ?? (await installed());
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-recipes-'));
  const started: Process[] = [];
  const start: Start = (name, { prefix = [], ...options } = {}) => {
    assert.ok(recipes.has(name), `README has ${name}`);
    const [command = process.execPath, ...args] = [...prefix, process.execPath, name];
    const one = startProcess(command, args, { cwd: folder, timeout: 170_000, ...options });
    started.push(one);
    return one;
  };
  symlinkSync(join(packages, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, code] of recipes) writeFileSync(join(folder, name), code);
  const [outcome] = await Promise.allSettled([body(start, folder)]);
  for (const { child } of started) child.kill('SIGKILL');
  const said = (await Promise.all(started.map(({ exit }) => exit))).map(({ stderr }) => stderr).join('');
  rmSync(folder, { recursive: true });
  const failure = outcome.status === 'rejected' ? [{ cause: outcome.reason }] : [];
  if (said !== '') throw new Error(`a program wrote to its standard error:\n${said}`, ...failure);
  if (outcome.status === 'rejected') throw outcome.reason;
}

/** A TCP port that nobody uses at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Asks an HTTP server of this host. @returns its answer */
export function get(port: number, agent: Agent | false): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, agent }, (response) => {
      resolve(text(response));
    });
    asking.on('error', reject).end();
  });
}
