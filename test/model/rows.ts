import { channel } from '../support/channel.ts';
import { BROKEN } from './broken.ts';
import { EndpointEnd, type Row } from './ends.ts';

function endpointRow(type: Row['type']): Row {
  return {
    name: `endpoint/${type}`,
    type,
    sends: ['block', 'async'],
    iteratesWithSignal: false,
    pair() {
      const [a, b] = channel(type);
      return [a.detach(), b.detach()];
    },
    adopt: (sockfd) => new EndpointEnd(sockfd),
  };
}

/** The kinds of ends that there are. */
export const ROWS: readonly Row[] = [endpointRow('seqpacket'), endpointRow('stream')];

/** A row, or one of those that are broken on purpose. */
export function rowNamed(name: string): Row {
  const row = [...ROWS, ...BROKEN].find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no row is named ${name}`);
  return row;
}
