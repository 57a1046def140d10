import { setMaxListeners } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { type AsyncOptions, type BlockingOptions, closeFD, type DescriptorSource } from '../../src/index.ts';
import { setInherited } from '../support/raw.ts';
import { StreamEnd } from '../support/stream-end.ts';
import { ENDPOINT_BYTES, EndpointModelEnd, type Row, rowOf, rowOfStreams, STREAM_BYTES } from './ends.ts';

/** Ends that are broken on purpose, each in one way: the model has to find that. */

/** What is wrong with an end may leave nothing that a call could wait for: so none blocks for longer, in milliseconds. */
const PATIENT: BlockingOptions = { timeout: 300 };

abstract class BrokenEnd extends EndpointModelEnd {
  override send(source: DescriptorSource, options: BlockingOptions = PATIENT): void {
    super.send(source, options);
  }

  override receive(options: BlockingOptions = PATIENT): number {
    return super.receive(options);
  }
}

/** An end of which every so many calls go wrong. */
abstract class CountingEnd extends BrokenEnd {
  #count = 0;

  protected isEvery(count: number): boolean {
    return ++this.#count % count === 0;
  }
}

class Loses extends CountingEnd {
  override send(source: DescriptorSource, options?: BlockingOptions): void {
    if (!this.isEvery(50)) super.send(source, options);
  }

  override sendAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void> {
    return this.isEvery(50) ? Promise.resolve() : super.sendAsync(source, options);
  }
}

class Doubles extends CountingEnd {
  override sendAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void> {
    const sent = super.sendAsync(source, options);
    if (this.isEvery(20)) super.sendAsync(source).catch(() => {});
    return sent;
  }
}

/** Takes two, and gives the second one first. */
class Exchanges extends CountingEnd {
  #kept: number | undefined;

  override tryReceive(): number | undefined {
    const first = this.#kept ?? super.tryReceive();
    this.#kept = undefined;
    if (first === undefined || !this.isEvery(5)) return first;
    const second = super.tryReceive();
    if (second === undefined) return first;
    this.#kept = first;
    return second;
  }
}

/** Of many that go at once, the last ones are sent again. */
class Repeats extends BrokenEnd {
  override sendMany(sources: readonly number[]): number {
    const sent = super.sendMany(sources);
    if (sent > 2) super.sendMany(sources.slice(sent - 1, sent));
    return sent;
  }
}

const leaked: number[] = [];

class Leaks extends CountingEnd {
  override send(source: DescriptorSource, options?: BlockingOptions): void {
    super.send(source, options);
    if (this.isEvery(10)) leaked.push(openSync('/dev/null', 'r'));
  }
}

/** Closes what the ends have leaked that do so. */
export function closeLeaked(): void {
  for (const fd of leaked.splice(0)) closeSync(fd);
}

class SwallowsAborts extends BrokenEnd {
  override sendAsync(source: DescriptorSource): Promise<void> {
    return super.sendAsync(source);
  }

  override receiveAsync(): Promise<number> {
    return super.receiveAsync();
  }
}

/** A wait that was aborted still takes the next descriptor. */
class TakesAfterAbort extends BrokenEnd {
  override receiveAsync({ signal }: AsyncOptions = {}): Promise<number> {
    const taken = super.receiveAsync();
    if (!signal) return taken;
    let isOver = false;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        isOver = true;
        reject(signal.reason);
      };
      const end = (): void => signal.removeEventListener('abort', abort);
      setMaxListeners(0, signal);
      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      taken.then((fd) => (isOver ? closeFD(fd) : resolve(fd)), reject).then(end);
    });
  }
}

class LeavesListeners extends BrokenEnd {
  override receiveAsync(options?: AsyncOptions): Promise<number> {
    options?.signal?.addEventListener('abort', listen);
    return super.receiveAsync(options);
  }
}

function listen(): void {}

/** Serves the wait first that came last. */
class LastComeFirstServed extends BrokenEnd {
  readonly #waits: ((fd: Promise<number>) => void)[] = [];

  override receiveAsync(): Promise<number> {
    const next = super.receiveAsync();
    const last = new Promise<number>((resolve) => this.#waits.push(resolve));
    const serve = (): void => this.#waits.pop()?.(next);
    next.then(serve, serve);
    return last;
  }
}

class Stalls extends CountingEnd {
  override sendAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void> {
    return this.isEvery(129) ? new Promise(() => {}) : super.sendAsync(source, options);
  }
}

class LetsInherit extends BrokenEnd {
  override tryReceive(): number | undefined {
    const fd = super.tryReceive();
    if (fd !== undefined) setInherited(fd);
    return fd;
  }
}

class RejectsAside extends BrokenEnd {
  override shutdown(): void {
    super.shutdown();
    void Promise.reject(new Error('nobody handles this'));
  }
}

class LosesOfStream extends StreamEnd {
  #count = 0;

  override sendAsync(source: DescriptorSource): Promise<void> {
    return ++this.#count % 50 === 0 ? Promise.resolve() : super.sendAsync(source);
  }
}

function broken(what: string, End: typeof EndpointModelEnd): Row {
  return rowOf(`an end that ${what}`, 'seqpacket', End, ENDPOINT_BYTES);
}

export const BROKEN: readonly Row[] = [
  broken('loses every 50th descriptor', Loses),
  broken('sends every 20th descriptor twice', Doubles),
  broken('exchanges two descriptors', Exchanges),
  broken('leaks a descriptor', Leaks),
  broken('swallows aborts', SwallowsAborts),
  broken('takes a descriptor after an abort', TakesAfterAbort),
  broken('leaves listeners on signals', LeavesListeners),
  broken('sends the last of many twice', Repeats),
  broken('serves the last wait first', LastComeFirstServed),
  broken('never ends the 129th send', Stalls),
  broken('lets child processes inherit what it receives', LetsInherit),
  broken('rejects a promise that nobody has', RejectsAside),
  rowOfStreams('a stream that loses every 50th descriptor', LosesOfStream, STREAM_BYTES),
];
