import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { PeerCommand } from '../harness/peer.ts';
import { PEERS, type Peer } from '../peers/peers.ts';
import { installPackages } from './packages.ts';
import { BENCH, type Workspace } from './workspace.ts';

/** A peer that is ready to be started, or that says why it isn't. */
export interface PreparedPeer extends PeerCommand {
  /** Of the tool that compiles or runs it. */
  readonly version?: string;
}

/** Gets the peers of a run ready: finds their tools, installs their packages, compiles them. */
export function preparePeers(
  all: boolean,
  workspace: Workspace,
  say: (text: string) => void,
): readonly PreparedPeer[] {
  return PEERS.filter(({ always }) => all || always).map((peer) => {
    say(`getting ${peer.name} ready`);
    return prepare(peer, join(BENCH, 'peers', peer.folder), join(workspace.path, `peer-${peer.folder}`));
  });
}

function prepare(peer: Peer, source: string, output: string): PreparedPeer {
  const { name, operations, tool } = peer;
  const known = { name, operations, command: peer.start(source, output) };
  if (tool && !isOnPath(tool.name)) {
    return { ...known, missing: `${tool.name} is not there: ${tool.get}` };
  }
  const version = tool ? versionOf(tool) : process.version;
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

function versionOf({ name, version }: NonNullable<Peer['tool']>): string {
  const { stdout } = spawnSync(name, [version], { encoding: 'utf8' });
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
