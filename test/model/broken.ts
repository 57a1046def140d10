import { openSync } from 'node:fs';
import { type AsyncOptions, closeFD } from '../../src/index.ts';
import { channel } from '../support/channel.ts';
import { type End, EndpointEnd, type Row } from './ends.ts';

/** Ends that are broken on purpose, each in one way: the model has to find that. */

/** An end that counts what it sends. */
abstract class CountingEnd extends EndpointEnd {
  #count = 0;

  /** Whether this is one of the sends that go wrong. */
  protected abstract every: number;

  protected get isNext(): boolean {
    return ++this.#count % this.every === 0;
  }
}

class Loses extends CountingEnd {
  protected every = 50;

  override send(fd: number): void {
    if (!this.isNext) super.send(fd);
  }

  override sendAsync(fd: number, options: AsyncOptions): Promise<void> {
    return this.isNext ? Promise.resolve() : super.sendAsync(fd, options);
  }
}

class Doubles extends CountingEnd {
  protected every = 20;

  override async sendAsync(fd: number, options: AsyncOptions): Promise<void> {
    const sent = super.sendAsync(fd, options);
    if (this.isNext) super.sendAsync(fd, {}).catch(() => {});
    return sent;
  }
}

/** Takes two, and gives the second one first. */
class Reorders extends CountingEnd {
  protected every = 5;
  #kept: number | undefined;

  override tryReceive(): number | undefined {
    const first = this.#kept ?? super.tryReceive();
    this.#kept = undefined;
    if (first === undefined || !this.isNext) return first;
    const second = super.tryReceive();
    if (second === undefined) return first;
    this.#kept = first;
    return second;
  }
}

class Leaks extends CountingEnd {
  protected every = 10;

  override send(fd: number): void {
    super.send(fd);
    if (this.isNext) openSync('/dev/null', 'r');
  }
}

class SwallowsAborts extends EndpointEnd {
  override sendAsync(fd: number): Promise<void> {
    return super.sendAsync(fd, {});
  }

  override receiveAsync(): Promise<number> {
    return super.receiveAsync({});
  }
}

/** A wait that was aborted still takes the next descriptor. */
class TakesAfterAbort extends EndpointEnd {
  override receiveAsync({ signal }: AsyncOptions): Promise<number> {
    const taken = super.receiveAsync({});
    if (!signal) return taken;
    let isOver = false;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        isOver = true;
        reject(signal.reason);
      };
      const end = (): void => signal.removeEventListener('abort', abort);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      taken.then((fd) => (isOver ? closeFD(fd) : resolve(fd)), reject).then(end);
    });
  }
}

class LeavesListeners extends EndpointEnd {
  override receiveAsync(options: AsyncOptions): Promise<number> {
    options.signal?.addEventListener('abort', leave);
    return super.receiveAsync(options);
  }
}

function leave(): void {}

/** Rejects a promise that nobody has. */
class RejectsAside extends EndpointEnd {
  override shutdown(): void {
    super.shutdown();
    void Promise.reject(new Error('nobody handles this'));
  }
}

/** Serves the wait first that came last. */
class LastComeFirstServed extends EndpointEnd {
  readonly #waits: ((fd: Promise<number>) => void)[] = [];

  override receiveAsync(): Promise<number> {
    const next = super.receiveAsync({});
    const last = new Promise<number>((resolve) => this.#waits.push(resolve));
    const serve = (): void => this.#waits.pop()?.(next);
    next.then(serve, serve);
    return last;
  }
}

function broken(name: string, End: new (sockfd: number) => End): Row {
  return {
    name: `broken: ${name}`,
    type: 'seqpacket',
    sends: ['block', 'async'],
    iteratesWithSignal: false,
    pair() {
      const [a, b] = channel('seqpacket');
      return [a.detach(), b.detach()];
    },
    adopt: (sockfd) => new End(sockfd),
  };
}

export const BROKEN: readonly Row[] = [
  broken('loses every 50th descriptor', Loses),
  broken('sends every 20th twice', Doubles),
  broken('exchanges two that it receives', Reorders),
  broken('leaks a descriptor', Leaks),
  broken('swallows aborts', SwallowsAborts),
  broken('takes a descriptor after an abort', TakesAfterAbort),
  broken('leaves listeners', LeavesListeners),
  broken('serves the last wait first', LastComeFirstServed),
  broken('rejects a promise that nobody has', RejectsAside),
];
