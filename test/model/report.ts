import type { Figures, Finding } from './campaign.ts';
import { printHistory } from './history.ts';

/** What went wrong, in the form that a person needs who wants to look into it. */
export function printFinding({ seed, history, fault, short }: Finding): string {
  const again = `it failed ${short.failed} of ${short.runs} times more`;
  return [
    `the model does not allow this (${fault.kind}), seed ${seed}: ${fault.message}`,
    '',
    `shrunk from ${history.steps.length} to ${short.history.steps.length} steps; ${again}:`,
    printHistory(short.history),
    '',
    `${short.fault.kind}: ${short.fault.message}`,
    short.trace,
    '',
    `again: npm run soak -- --seed ${seed}; or with the history above in a file: npm run soak -- --replay FILE`,
  ].join('\n');
}

export function printFigures(figures: Figures): string {
  const { seconds, heap, ...counts } = figures;
  const lines: [name: string, value: string][] = [
    ...Object.entries(counts).map(([name, value]): [string, string] => [NAMES[name] ?? name, String(value)]),
    ['heap growth', `${(heap / 1024).toFixed(0)} kB`],
    ['seconds', seconds.toFixed(1)],
  ];
  const width = Math.max(...lines.map(([, value]) => value.length));
  return lines.map(([name, value]) => `${value.padStart(width)}  ${name}`).join('\n');
}

const NAMES: Readonly<Record<string, string>> = {
  taken: 'messages received',
  descriptors: 'descriptors received',
  waits: 'calls that waited',
  kills: 'processes killed',
  undecided: 'histories too entangled to be judged',
  started: 'workers and processes started',
  peak: 'descriptors open at most',
};
