import { closeSync, openSync } from 'node:fs';
import { closeFD, type Endpoint, newEndpoint } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { BareEndpoint, socketpair } from './bare-endpoint.ts';

/** A step that is prime to every count of endpoints here, so that each has its turn and no neighbours do. */
export const STRIDE = 7919;

/** Endpoints that each wait for a descriptor on this thread's event loop. */
export class WaitingEndpoints {
  readonly #endpoints: Endpoint[] = [];
  readonly #peers: number[] = [];
  readonly #arrivals: Promise<number>[] = [];
  readonly #source: number = openSync('/dev/null', 'r');
  #at = 0;

  /** Makes endpoints, up to a count. The new ones do not wait yet. */
  grow(count: number): void {
    while (this.#endpoints.length < count) {
      const [near, far] = socketpair();
      this.#endpoints.push(newEndpoint(near));
      this.#peers.push(far);
    }
  }

  /** Lets every endpoint wait. */
  wait(): void {
    while (this.#arrivals.length < this.#endpoints.length)
      this.#arrivals.push(this.#receive(this.#arrivals.length));
  }

  /** Wakes one endpoint after the other, each of which waits again. */
  async wake(count: number): Promise<void> {
    const sender = new BareEndpoint(-1);
    for (let i = 0; i < count; i++) {
      this.#at = (this.#at + STRIDE) % this.#endpoints.length;
      sender.fd = this.#peers[this.#at] as number;
      sender.send(this.#source);
      closeFD(await (this.#arrivals[this.#at] as Promise<number>));
      this.#arrivals[this.#at] = this.#receive(this.#at);
    }
  }

  /** A wake, as a side. Closing the side leaves the endpoints as they are. */
  side(name: string): Side {
    return local({ name, run: (count) => this.wake(count) });
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.destroy();
    for (const peer of this.#peers) closeSync(peer);
    closeSync(this.#source);
  }

  #receive(at: number): Promise<number> {
    const arrival = (this.#endpoints[at] as Endpoint).recvFDAsync();
    // Whoever still waits at the end is refused, and nobody listens any more.
    arrival.catch(ignore);
    return arrival;
  }
}

function ignore(): void {}
