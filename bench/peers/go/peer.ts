import type { Peer } from '../peer.ts';

const peer: Peer = {
  name: 'Go',
  operations: ['pass'],
  tool: {
    name: 'go',
    version: ['go', 'version'],
    get: 'https://go.dev/dl, or apt-get install golang-go',
  },
  build: (source, output) => ['go', 'build', '-o', output, `${source}/main.go`],
  start: (_source, output) => [output],
};
export default peer;
