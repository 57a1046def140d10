import type { Peer } from '../peer.ts';

const peer: Peer = {
  name: 'Rust',
  operations: ['pass'],
  tool: {
    name: 'rustc',
    version: ['rustc', '--version'],
    get: 'https://rustup.rs, or apt-get install rustc',
  },
  build: (source, output) => ['rustc', '--edition=2021', '-O', '-o', output, `${source}/main.rs`],
  start: (_source, output) => [output],
};
export default peer;
