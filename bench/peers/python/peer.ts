import type { Peer } from '../peer.ts';

const peer: Peer = {
  name: 'Python',
  operations: ['pass'],
  tool: {
    name: 'python3',
    version: ['python3', '--version'],
    get: 'https://www.python.org, or apt-get install python3',
  },
  start: (source) => ['python3', `${source}/peer.py`],
};
export default peer;
