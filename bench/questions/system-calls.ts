import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Question } from '../harness/question.ts';
import { exactly } from '../harness/statistics.ts';

const OPERATIONS = {
  pass: 'a pass',
  'would-block': 'a receive that would block',
  pending: 'an async pass, pending',
  woken: 'an async pass, woken',
} as const;
const TRACED = fileURLToPath(new URL('../sides/traced.js', import.meta.url));
const FEW = 100;
const MANY = 1100;

const question: Question = {
  name: 'system-calls',
  title: 'System calls per operation, counted by strace',
  goals: ['sendmsg', 'recvmsg'].map((metric) => ({ side: OPERATIONS.pass, metric, atMost: 1, atLeast: 1 })),
  async measure(bench) {
    for (const [operation, side] of Object.entries(OPERATIONS)) {
      if (bench.stopped) return;
      bench.progress(Object.keys(OPERATIONS).indexOf(operation) / 4, side);
      const few = trace(operation, FEW, bench.temp);
      const many = trace(operation, MANY, bench.temp);
      if (typeof few === 'string' || typeof many === 'string') {
        bench.missing({ side: 'strace', reason: String(typeof few === 'string' ? few : many) });
        return;
      }
      // What starting and ending costs is in both, and falls out of the difference.
      for (const [call, total] of many) {
        const each = (total - (few.get(call) ?? 0)) / (MANY - FEW);
        // The engine's own threads wait and allocate now and then.
        if (each < 0.25 || call === 'total') continue;
        bench.figure({ side, metric: call, unit: 'calls', value: exactly(Math.round(each * 100) / 100) });
      }
    }
  },
};
export default question;

/** How often a process made each system call; or why that can't be known. */
function trace(operation: string, count: number, folder: string): Map<string, number> | string {
  const summary = join(folder, 'strace');
  const { error, status, stderr } = spawnSync(
    'strace',
    ['-fcqq', '-U', 'name,calls', '-o', summary, process.execPath, TRACED, operation, `${count}`],
    { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' },
  );
  if (error) return 'it is not there: apt-get install strace';
  if (status !== 0) return stderr.trim().split('\n').at(-1) ?? `exited with code ${status}`;
  const lines = readFileSync(summary, 'utf8').matchAll(/^(\w+) +(\d+)\s*$/gm);
  return new Map(Array.from(lines, ([, name, calls]) => [name as string, Number(calls)]));
}
