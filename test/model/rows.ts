import { BROKEN } from './broken.ts';
import { endpointRow, type Row } from './ends.ts';

/** The kinds of ends that there are. */
export const ROWS: readonly Row[] = [
  endpointRow('endpoint/seqpacket', 'seqpacket'),
  endpointRow('endpoint/stream', 'stream'),
];

/** A row, or one of those that are broken on purpose. */
export function rowNamed(name: string): Row {
  const row = [...ROWS, ...BROKEN].find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no row is named ${name}`);
  return row;
}
