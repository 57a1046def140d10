import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PeerCommand } from '../harness/peer.ts';
import type { Peer } from '../peers/peer.ts';
import { installPackages } from './packages.ts';
import { BENCH, type Workspace } from './workspace.ts';

/** A peer that is ready to be started, or that says why it isn't. */
export interface PreparedPeer extends PeerCommand {
  /** Of the tool that compiles or runs it. */
  readonly version?: string;
}

/** Gets the peers of a run ready: finds their tools, installs their packages, compiles them. */
export async function preparePeers(
  all: boolean,
  workspace: Workspace,
  say: (text: string) => void,
): Promise<PreparedPeer[]> {
  const folder = join(BENCH, 'peers');
  const entries = await readdir(folder, { withFileTypes: true });
  const prepared: PreparedPeer[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory()).sort(byName)) {
    const source = join(folder, name);
    const module = (await import(pathToFileURL(join(source, 'peer.ts')).href)) as { default: Peer };
    if (!all && !module.default.always) continue;
    say(`getting ${module.default.name} ready`);
    prepared.push(prepare(module.default, source, join(workspace.path, `peer-${name}`)));
  }
  // The floor first: what comes after is compared with it.
  return prepared.sort((a, b) => Number(b.name === 'C') - Number(a.name === 'C'));
}

function prepare(peer: Peer, source: string, output: string): PreparedPeer {
  const { name, operations, tool } = peer;
  const known = { name, operations, command: peer.start(source, output) };
  if (tool && !isOnPath(tool.name)) {
    return { ...known, missing: `${tool.name} is not there: ${tool.get}` };
  }
  const version = tool ? versionOf(tool.version) : process.version;
  if (peer.packages && !existsSync(join(source, 'node_modules'))) {
    const failure = installPackages(source);
    if (failure !== undefined) return { ...known, version, missing: `npm ci failed: ${failure}` };
  }
  if (peer.build) {
    const [program = '', ...args] = peer.build(source, output);
    const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) {
      const reason = error?.message ?? (stderr.trim() || `it exited with code ${status}`);
      return { ...known, version, missing: `compiling failed: ${reason}` };
    }
  }
  return { ...known, version };
}

function versionOf([program = '', ...args]: readonly string[]): string {
  const { stdout } = spawnSync(program, args, { encoding: 'utf8' });
  return stdout?.split('\n')[0] ?? '';
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
