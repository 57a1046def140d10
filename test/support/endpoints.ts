import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { sameFile } from './descriptors.ts';

/** Makes sure that two endpoints are connected to each other, in their own words. */
export function assertConnected(a: Endpoint, b: Endpoint): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    assert.equal(to.tryRecvFD(), undefined);
    from.sendFD(from);
    const received = to.recvFDNonblock();
    assert.ok(sameFile(received, from.fd));
    closeFD(received);
  }
}
