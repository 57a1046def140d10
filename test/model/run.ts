import { readdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Fault } from './fault.ts';
import { finish } from './finish.ts';
import { CLOSING, Footprint } from './footprint.ts';
import { ENDS, type History } from './history.ts';
import type { Host } from './host.ts';
import type { Counts } from './ledger.ts';
import { Undecided } from './model.ts';
import { Play } from './play.ts';
import type { Pool } from './pool.ts';
import { ProcessHost } from './process-host.ts';
import { rowNamed } from './rows.ts';
import { rulesOf } from './rules.ts';

/** What became of one history. */
export interface Result {
  readonly counts: Counts;
  /** How many descriptors this process had open when everything had happened. */
  readonly peak: number;
  readonly fault: Fault | undefined;
  /** Too much was going on for the model to say anything. */
  readonly undecided: boolean;
  /** What happened, one event a line. */
  readonly trace: string;
}

/** How long to wait for what has to happen, in milliseconds. */
export interface Patience {
  /** A call that must come to an end. */
  readonly answer: number;
  /** What is closed behind our back. */
  readonly closing: number;
}

const PATIENCE: Patience = { answer: 15_000, closing: CLOSING };

/** Lets a history happen to a new pair of ends, and looks for what the model does not allow. */
export async function run(history: History, pool: Pool, patience: Patience = PATIENCE): Promise<Result> {
  const row = rowNamed(history.row);
  const rules = rulesOf(row);
  const hosts: [Host, Host] = [await pool.borrow(history.places[0]), await pool.borrow(history.places[1])];
  const sockets = row.pair();
  const play = new Play(row, rules, hosts, sockets, patience.answer);
  let fault: Fault | Undecided | undefined;
  let peak = 0;
  try {
    // A process that starts opens descriptors here, and takes its socket away. From its beginning on, a thread opens some
    // at any time: what this process holds has to be known before.
    const processes = ENDS.filter((end) => hosts[end] instanceof ProcessHost);
    const threads = ENDS.filter((end) => !processes.includes(end));
    for (const end of processes) await hosts[end].begin(end, row.name, sockets[end]);
    const here = threads.map((end) => sockets[end]);
    const before = footprint(pool, here);
    for (const end of threads) await hosts[end].begin(end, row.name, sockets[end]);
    for (const [number, step] of history.steps.entries()) await play.step(step, number);
    peak = readdirSync('/proc/self/fd').length;
    await finish(play);
    await leaveNothing(play, before, pool, patience.closing);
  } catch (error) {
    if (!(error instanceof Fault || error instanceof Undecided)) throw error;
    fault = error;
  }
  await giveBack(play, pool, fault !== undefined);
  const undecided = fault instanceof Undecided;
  return {
    counts: play.ledger.counts,
    peak,
    fault: fault instanceof Fault ? fault : undefined,
    undecided,
    trace: fault ? play.ledger.trace.print() : '',
  };
}

/** What this process holds without those sockets. */
function footprint(pool: Pool, sockets: readonly number[]): Footprint {
  if (pool.footprint === undefined) {
    pool.footprint = Footprint.ofProcess();
    pool.footprint.forget(sockets);
  }
  return pool.footprint;
}

async function leaveNothing(
  { hosts, killed }: Play,
  before: Footprint,
  pool: Pool,
  patience: number,
): Promise<void> {
  const left: string[] = [];
  for (const end of ENDS) {
    if (killed.has(end)) before.forget(hosts[end].descriptors);
    else if (end === 0 || hosts[0] !== hosts[1]) left.push(...(await hosts[end].finish()));
  }
  left.push(...(await before.left(patience)));
  if (left.length > 0) throw new Fault('left', left.join('\n'));
  const [lost] = pool.lost.splice(0);
  if (lost !== undefined) throw new Fault('lost', lost);
  const [stray] = pool.strays.splice(0);
  if (stray !== undefined) throw new Fault('stray', inspect(stray));
}

async function giveBack({ hosts, killed }: Play, pool: Pool, early: boolean): Promise<void> {
  if (early) pool.footprint = undefined;
  for (const end of ENDS) {
    const host = hosts[end];
    // Nobody knows what a worker or a process is still doing when a history ends early.
    if (early && !killed.has(end)) await host.end();
    if (host.place === 'main' || !(early || killed.has(end))) pool.giveBack(host);
  }
  // What was rejected just now belongs to no history.
  if (early) for (let i = 0; i < 3; i++) await turn();
}
