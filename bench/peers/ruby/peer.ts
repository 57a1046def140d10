import type { Peer } from '../peer.ts';

const peer: Peer = {
  name: 'Ruby',
  operations: ['pass'],
  tool: {
    name: 'ruby',
    version: ['ruby', '--version'],
    get: 'https://www.ruby-lang.org, or apt-get install ruby',
  },
  start: (source) => ['ruby', `${source}/peer.rb`],
};
export default peer;
