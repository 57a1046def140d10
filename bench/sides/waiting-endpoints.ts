import { closeSync, openSync } from 'node:fs';
import { closeFD, type Endpoint, newEndpoint } from '../../src/index.ts';
import { BareEndpoint, socketpair } from './bare-endpoint.ts';

/** A step that is prime to every count of endpoints here, so that each has its turn and no neighbours do. */
const STRIDE = 7919;

/** Endpoints that each wait for a descriptor on this thread's event loop. */
export class WaitingEndpoints {
  readonly #endpoints: Endpoint[] = [];
  readonly #peers: number[] = [];
  readonly #arrivals: Promise<number>[] = [];
  readonly #source: number = openSync('/dev/null', 'r');
  #at = 0;

  /** Adds endpoints, up to a count. */
  grow(count: number): void {
    while (this.#endpoints.length < count) {
      const [near, far] = socketpair('seqpacket');
      const endpoint = newEndpoint(near);
      this.#endpoints.push(endpoint);
      this.#peers.push(far);
      this.#arrivals.push(this.#wait(endpoint));
    }
  }

  /** Wakes one endpoint after the other, each of which waits again. */
  async wake(count: number): Promise<void> {
    const sender = new BareEndpoint(-1, 'seqpacket');
    for (let i = 0; i < count; i++) {
      this.#at = (this.#at + STRIDE) % this.#endpoints.length;
      sender.fd = this.#peers[this.#at] as number;
      sender.send(this.#source);
      closeFD(await (this.#arrivals[this.#at] as Promise<number>));
      this.#arrivals[this.#at] = this.#wait(this.#endpoints[this.#at] as Endpoint);
    }
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.destroy();
    for (const peer of this.#peers) closeSync(peer);
    closeSync(this.#source);
  }

  #wait(endpoint: Endpoint): Promise<number> {
    const arrival = endpoint.recvFDAsync();
    // Whoever still waits at the end is refused, and nobody listens any more.
    arrival.catch(() => {});
    return arrival;
  }
}
