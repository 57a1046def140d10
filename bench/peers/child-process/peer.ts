import type { Peer } from '../peer.ts';

const peer: Peer = {
  name: 'child_process.send',
  operations: ['round-trip'],
  always: true,
  start: (source) => [process.execPath, `${source}/peer.mjs`],
};
export default peer;
