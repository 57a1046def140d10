import { differences, repeatedRatios } from './comparison.ts';
import { quantity } from './format.ts';
import { type Verdict, verdictRow } from './goals.ts';
import type { Machine } from './machine.ts';
import type { Run } from './run.ts';
import { align } from './table.ts';

/** What a run is made on and with, before anything is measured. */
export function introduction({ machine, clockNs, peers }: Run): string {
  return [
    headline(machine),
    `one reading of the clock costs ${quantity(clockNs, 'ns')}: it is in every single call's time, twice in every batch's, and subtracted from none`,
    ...peers.map(({ name, version, missing }) =>
      missing === undefined ? `peer ${name}: ${version}` : `missing ${name}: ${missing}`,
    ),
  ].join('\n');
}

export function goalsText(verdicts: readonly Verdict[]): string {
  return ['Goals', ...align(verdicts.map(verdictRow), 'left')].join('\n');
}

export function comparisonText(old: Run, run: Run): string {
  const found = differences(old, run);
  const lines = [`Against the run of ${old.machine.date}, by more than the spread`];
  if (found.length === 0) lines.push('  nothing differs');
  else lines.push(...align(found, 'left'));
  const ratios = repeatedRatios(old, run);
  const [farthest] = ratios;
  if (farthest) {
    const near = ratios.filter(({ percent }) => percent <= 5).length;
    lines.push(
      `  ${near} of ${ratios.length} ratios are within 5 % of that run's; farthest, by ${farthest.percent.toFixed(1)} %: ${farthest.label}`,
    );
  }
  const [then, now] = [old, run].map(({ machine }) => headline({ ...machine, date: '', commit: '' }));
  if (then !== now) lines.push(`  that run: ${headline(old.machine)}`);
  return lines.join('\n');
}

function headline({ date, processor, processors, kernel, node, koffi, fdchannel, commit }: Machine): string {
  return `fdchannel ${fdchannel} (${commit}), koffi ${koffi}, Node ${node}; ${processors} x ${processor}, ${kernel}; ${date}`;
}
