import { alternate, type Trial } from './compare.ts';
import { connectPeer, type PeerCommand } from './peer.ts';
import type {
  Bench,
  Budget,
  Comparison,
  Figure,
  Missing,
  Question,
  Result,
  Rounds,
  Side,
} from './question.ts';
import { latencyOf, pairwise, type Spread, spread } from './statistics.ts';

/** What the process that asks a question is told by the run. */
export interface Task {
  /** A file URL. */
  readonly question: string;
  readonly quick: boolean;
  readonly temp: string;
  readonly clockNs: number;
  readonly peers: readonly PeerCommand[];
}

// Short batches, so that what disturbs one leaves its pair mostly undisturbed; and many of them.
const FULL: Budget = { rounds: 301, batchNs: 3e6, warmUpNs: 300e6 };
const QUICK: Budget = { rounds: 25, batchNs: 2e6, warmUpNs: 60e6 };

/** Asks one question, and keeps everything it finds. */
export class Recorder implements Bench {
  readonly quick: boolean;
  readonly temp: string;
  readonly result: Result;
  stopped = false;
  readonly #task: Task;
  readonly #onProgress: (part: number, what: string) => void;

  constructor(task: Task, { name, title, axis }: Question, onProgress: (part: number, what: string) => void) {
    this.quick = task.quick;
    this.temp = task.temp;
    this.result = {
      question: name,
      title,
      ...(axis && { axis: axis.label }),
      figures: [],
      missing: [],
      seconds: 0,
    };
    this.#task = task;
    this.#onProgress = onProgress;
  }

  async peers(operation: string): Promise<Side[]> {
    const known = this.#task.peers.filter(({ operations }) => operations.includes(operation));
    const sides: Side[] = [];
    for (const peer of known) sides.push(...(await this.#connect(peer, operation)));
    return sides;
  }

  async floor(operation: string, name = 'C'): Promise<Side[]> {
    const peer = this.#task.peers.find((peer) => peer.name === 'C');
    return peer ? this.#connect({ ...peer, name }, operation) : [];
  }

  async attempt(name: string, make: (name: string) => Side | Promise<Side>): Promise<Side[]> {
    try {
      return [await make(name)];
    } catch (error) {
      this.missing({ side: name, reason: reasonOf(error) });
      return [];
    }
  }

  async compare(sides: readonly Side[], comparison: Comparison = {}): Promise<Rounds> {
    const budget = { ...(this.quick ? QUICK : FULL), ...comparison.budget };
    const trials = await alternate(sides, budget, this.#task.clockNs, this);
    for (const side of sides) await side.close?.();
    const rounds = new Map(trials.map(({ side, rounds }) => [side.name, rounds]));
    for (const trial of trials) this.#keep(trial, rounds, comparison);
    return rounds;
  }

  figure(figure: Figure): void {
    this.result.figures.push(figure);
  }

  missing(missing: Missing): void {
    const known = this.result.missing.some(
      ({ side, reason }) => side === missing.side && reason === missing.reason,
    );
    if (!known) this.result.missing.push(missing);
  }

  progress(part: number, what = ''): void {
    this.#onProgress(part, what);
  }

  #connect(peer: PeerCommand, operation: string): Promise<Side[]> {
    return this.attempt(peer.name, () => {
      if (peer.missing !== undefined) throw new Error(peer.missing);
      return connectPeer(peer, operation);
    });
  }

  #keep({ side, batch, rounds, latency, failure }: Trial, all: Rounds, comparison: Comparison): void {
    const { bases = [], point, metric = 'time per operation' } = comparison;
    if (failure !== undefined) this.missing({ side: side.name, reason: reasonOf(failure) });
    if (rounds.length === 0) return;
    const against: Record<string, Spread> = {};
    for (const base of bases) {
      const ratios = pairwise(rounds, all.get(base) ?? [], (our, their) => our / their);
      if (base !== side.name && ratios.length > 0) against[base] = spread(ratios);
    }
    this.figure({
      side: side.name,
      metric,
      unit: 'ns',
      ...(point !== undefined && { point }),
      value: spread(rounds),
      ...(Object.keys(against).length > 0 && { against }),
      batch,
      ...(latency && latency.count > 0 && { latency: latencyOf(latency) }),
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
