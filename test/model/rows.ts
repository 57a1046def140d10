import { StreamEnd } from '../support/stream-end.ts';
import { BROKEN } from './broken.ts';
import { ENDPOINT_BYTES, EndpointModelEnd, type Row, rowOf, rowOfStreams, STREAM_BYTES } from './ends.ts';
import { SocketModelEnd } from './socket-end.ts';

/** How many bytes a message takes, where nobody says otherwise. */
const SOCKET_BYTES = 65_536;

/** The kinds of ends that there are. */
export const ROWS: readonly Row[] = [
  rowOf('endpoint/seqpacket', 'seqpacket', EndpointModelEnd, ENDPOINT_BYTES),
  rowOf('endpoint/stream', 'stream', EndpointModelEnd, ENDPOINT_BYTES),
  rowOf('socket/seqpacket', 'seqpacket', SocketModelEnd, SOCKET_BYTES),
  rowOf('socket/stream', 'stream', SocketModelEnd, SOCKET_BYTES),
  rowOfStreams('stream', StreamEnd, STREAM_BYTES),
];

/** A row, or one of those that are broken on purpose. */
export function rowNamed(name: string): Row {
  const row = [...ROWS, ...BROKEN].find((candidate) => candidate.name === name);
  if (row === undefined) throw new Error(`no row is named ${name}`);
  return row;
}
