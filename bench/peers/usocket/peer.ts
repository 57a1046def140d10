import type { Peer } from '../peer.ts';

const peer: Peer = {
  name: 'usocket',
  operations: ['pass', 'pass-async'],
  packages: true,
  start: (source) => [process.execPath, `${source}/peer.mjs`],
};
export default peer;
