import { Endpoint, newConnectedSockets } from '../../src/index.ts';
import { assertConnected } from '../support/endpoints.ts';
import { suite } from '../support/suite.ts';

suite('newConnectedSockets', (test) => {
  test('makes two sockets that are connected to each other', () => {
    const [a, b] = newConnectedSockets().map((fd) => new Endpoint(fd)) as [Endpoint, Endpoint];
    assertConnected(a, b);
    for (const endpoint of [a, b]) endpoint.destroy();
  });
});
