import { alternate, type Trial } from './compare.ts';
import { connectPeer, type PeerCommand } from './peer.ts';
import type {
  Bench,
  Budget,
  Comparison,
  Figure,
  Missing,
  Point,
  Question,
  Ratio,
  Result,
  Rounds,
  Side,
} from './question.ts';
import { latencyOf, pairwise, spread } from './statistics.ts';

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

export const PER_OPERATION = 'time per operation';

/** Asks one question, and keeps everything it finds. */
export class Recorder implements Bench {
  readonly quick: boolean;
  readonly temp: string;
  readonly result: Result;
  stopped = false;
  readonly #task: Task;
  readonly #onProgress: (part: number, what: string) => void;

  constructor(task: Task, question: Question, onProgress: (part: number, what: string) => void) {
    this.quick = task.quick;
    this.temp = task.temp;
    this.result = {
      question: question.name,
      title: question.title,
      figures: [],
      ratios: [],
      missing: [],
      notes: [],
      goals: question.goals ?? [],
      seconds: 0,
      ...(question.axis && { axis: question.axis.label }),
    };
    this.#task = task;
    this.#onProgress = onProgress;
  }

  async peers(operation: string, names?: readonly string[]): Promise<Side[]> {
    const sides: Side[] = [];
    for (const peer of this.#task.peers) {
      if (!peer.operations.includes(operation) || names?.includes(peer.name) === false) continue;
      if (peer.missing !== undefined) {
        this.missing({ side: peer.name, reason: peer.missing });
        continue;
      }
      try {
        sides.push(await connectPeer(peer, operation));
      } catch (error) {
        this.missing({ side: peer.name, reason: reasonOf(error) });
      }
    }
    return sides;
  }

  attempt(name: string, make: () => Side): Side[] {
    try {
      return [make()];
    } catch (error) {
      this.missing({ side: name, reason: reasonOf(error) });
      return [];
    }
  }

  async compare(sides: readonly Side[], comparison: Comparison = {}): Promise<Rounds> {
    const { bases = [], point, metric = PER_OPERATION } = comparison;
    const budget = { ...(this.quick ? QUICK : FULL), ...comparison.budget };
    const trials = await alternate(sides, budget, this.#task.clockNs, this);
    for (const side of sides) await side.close?.();
    for (const trial of trials) this.#keep(trial, metric, point);
    for (const base of bases) {
      for (const trial of trials)
        this.#ratio(
          trial,
          trials.find(({ side }) => side.name === base),
          point,
        );
    }
    return new Map(trials.map(({ side, rounds }) => [side.name, rounds]));
  }

  figure(figure: Figure): void {
    this.result.figures.push(figure);
  }

  ratio(ratio: Ratio): void {
    this.result.ratios.push(ratio);
  }

  missing(missing: Missing): void {
    const known = this.result.missing.some(
      ({ side, reason }) => side === missing.side && reason === missing.reason,
    );
    if (!known) this.result.missing.push(missing);
  }

  note(text: string): void {
    if (!this.result.notes.includes(text)) this.result.notes.push(text);
  }

  progress(part: number, what = ''): void {
    this.#onProgress(part, what);
  }

  #keep({ side, batch, rounds, latency, failure }: Trial, metric: string, point: Point | undefined): void {
    if (failure !== undefined) this.missing({ side: side.name, reason: reasonOf(failure) });
    if (rounds.length === 0) return;
    this.figure({
      side: side.name,
      metric,
      unit: 'ns',
      value: spread(rounds),
      batch,
      ...(point !== undefined && { point }),
      ...(latency && latency.count > 0 && { latency: latencyOf(latency) }),
    });
  }

  #ratio(trial: Trial, base: Trial | undefined, point: Point | undefined): void {
    if (!base || base === trial) return;
    const ratios = pairwise(trial.rounds, base.rounds, (our, their) => our / their);
    if (ratios.length === 0) return;
    this.ratio({
      side: trial.side.name,
      base: base.side.name,
      value: spread(ratios),
      ...(point !== undefined && { point }),
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
