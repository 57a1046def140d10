import assert from 'node:assert/strict';
import { closeFD, Endpoint, type Framing } from '../../src/index.ts';
import { sameFile } from './descriptors.ts';

/** Runs the body with two connected endpoints, which it may destroy itself. */
export async function withPair(type: Framing, body: (a: Endpoint, b: Endpoint) => unknown): Promise<void> {
  const [a, b] = Endpoint.pair(type);
  try {
    await body(a, b);
  } finally {
    for (const endpoint of [a, b]) endpoint.destroy();
  }
}

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
