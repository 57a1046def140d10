import type { Row } from './ends.ts';
import {
  type EndName,
  type History,
  type Place,
  RECEIVE_FORMS,
  type ReceiveStep,
  SEND_FORMS,
  type SendStep,
  type Step,
} from './history.ts';
import { Random } from './random.ts';
import { ROWS } from './rows.ts';

/** Where two ends live, and how often. What is cheap comes often: a process costs as much as a hundred pairs here. */
const PAIRS: readonly (readonly [weight: number, places: readonly [Place, Place]])[] = [
  [70, ['main', 'main']],
  [8, ['main', 'worker']],
  [4, ['worker', 'main']],
  [4, ['worker', 'worker']],
  [4, ['main', 'process']],
  [2, ['process', 'main']],
  [2, ['process', 'worker']],
  [2, ['process', 'process']],
  [2, ['main', 'limited']],
  [2, ['limited', 'main']],
];

type Kind =
  | Exclude<Step['do'], 'ref' | 'unref' | 'exhaust' | 'relieve' | 'pause' | 'resume'>
  | 'touch'
  | 'limit'
  | 'pausing';

/** How often each kind of step comes. */
const USUAL: Readonly<Record<Kind, number>> = {
  send: 10,
  receive: 10,
  lie: 1.5,
  abort: 3,
  shutdown: 0.2,
  'shutdown from main': 0.2,
  destroy: 0.2,
  readopt: 0.4,
  touch: 0.3,
  turns: 2.5,
  settle: 2,
  limit: 1.5,
  kill: 0.25,
  pausing: 0.7,
  storm: 0.7,
};

/** Only these happen to a main thread, and only these and another to a worker. */
const OF_PROCESSES: readonly Kind[] = ['limit', 'kill', 'pausing', 'storm'];

/**
 * These do not happen to ends that read ahead: what they do not have, and a peer that stops reading for a while, which the
 * model would take for a stall.
 */
const NOT_OF_STREAMS: readonly Kind[] = [
  ...(['abort', 'shutdown', 'shutdown from main', 'readopt', 'limit', 'pausing'] as const),
];

const SIGNALS = 12;

/** Around what one turn serves, and what a socket has room for. */
const MANY_CALLS = [64, 128, 129, 150, 279, 300];

/** How many messages one call is about. */
const BATCHES = [1, 2, 3, 5];
const LOCAL_BATCHES = [...BATCHES, 70];

export interface Limits {
  readonly rows?: readonly Row[];
  /** @default all */
  readonly places?: readonly [Place, Place];
}

/** The history of a seed: always the same. */
export function generate(seed: number, { rows = ROWS, places }: Limits = {}): History {
  const random = new Random(seed);
  const row = random.pick(places ? rows.filter((each) => mayLive(each, places)) : rows);
  const where = places ?? pickPlaces(random, row);
  return { row: row.name, places: where, steps: new Generator(random, where, row).steps() };
}

/** What is read ahead takes descriptors. */
function mayLive({ readsAhead }: Row, places: readonly Place[]): boolean {
  return !readsAhead || !places.includes('limited');
}

function pickPlaces(random: Random, row: Row): readonly [Place, Place] {
  const weights = Object.fromEntries(
    PAIRS.map(([weight, places], i) => [i, mayLive(row, places) ? weight : 0]),
  );
  const [, places] = PAIRS[Number(random.weighted(weights))] as (typeof PAIRS)[number];
  return places;
}

class Generator {
  readonly #random: Random;
  readonly #places: readonly [Place, Place];
  readonly #readsAhead: boolean;
  /** The signals that calls were given, and that have not aborted. */
  readonly #used: readonly [Set<number>, Set<number>] = [new Set(), new Set()];
  readonly #paused = [false, false];
  readonly #exhausted = [false, false];
  /**
   * Whether messages come that no end sends. A call for many takes what is behind such a message before it tells of it,
   * which the model does not follow.
   */
  readonly #lies: boolean;
  #weights: readonly [Record<Kind, number>, Record<Kind, number>];

  constructor(random: Random, places: readonly [Place, Place], { readsAhead }: Row) {
    this.#random = random;
    this.#places = places;
    this.#readsAhead = readsAhead;
    this.#lies = random.chance(0.5);
    this.#weights = this.#mood();
  }

  steps(): Step[] {
    const random = this.#random;
    const length = random.integer(3, random.pick([8, 8, 15, 15, 40, 40, 100]));
    const steps: Step[] = [];
    let calm = random.integer(5, 25);
    while (steps.length < length) {
      if (calm-- === 0) {
        this.#weights = this.#mood();
        calm = random.integer(5, 25);
      }
      const end = random.pick([0, 1] as const);
      steps.push(this.#step(end, random.weighted(this.#weights[end])));
    }
    return steps;
  }

  /** For each end, how often what happens there. One that hardly receives makes the other one wait. */
  #mood(): [Record<Kind, number>, Record<Kind, number>] {
    return [this.#moodOf(0), this.#moodOf(1)];
  }

  #moodOf(end: EndName): Record<Kind, number> {
    const random = this.#random;
    const place = this.#places[end];
    const impossible = (kind: Kind): boolean => {
      if (kind === 'lie') return !this.#lies;
      if (this.#readsAhead && NOT_OF_STREAMS.includes(kind)) return true;
      if (kind === 'limit') return place !== 'limited';
      if (kind === 'shutdown from main') return place !== 'worker';
      return OF_PROCESSES.includes(kind) && place !== 'process' && place !== 'limited';
    };
    const weights = Object.entries(USUAL).map(([kind, usual]) => {
      const factor = random.pick(kind === 'settle' ? [1, 2] : [0, 0.3, 1, 1, 3]);
      return [kind, impossible(kind as Kind) ? 0 : usual * factor];
    });
    return Object.fromEntries(weights);
  }

  #step(end: EndName, kind: Kind): Step {
    const random = this.#random;
    switch (kind) {
      case 'send':
        return { do: 'send', end, ...this.#send(end) };
      case 'receive':
        return { do: 'receive', end, ...this.#receive(end) };
      case 'lie': {
        const descriptors = random.pick([0, 0, 0, 2] as const);
        const bytes = random.pick([0, 0, 1] as const);
        return { do: 'lie', end, bytes, descriptors, ...counted(random.pick([1, 1, 1, 2, 3, 10])) };
      }
      case 'abort': {
        const used = [...this.#used[end]];
        const signal = used.length > 0 && random.chance(0.9) ? random.pick(used) : this.#signal(end);
        this.#used[end].delete(signal);
        return { do: 'abort', end, signal };
      }
      case 'touch':
        return { do: random.pick(['ref', 'unref'] as const), end };
      case 'limit':
        this.#exhausted[end] = !this.#exhausted[end];
        return { do: this.#exhausted[end] ? 'exhaust' : 'relieve', end };
      case 'pausing':
        this.#paused[end] = !this.#paused[end];
        return { do: this.#paused[end] ? 'pause' : 'resume', end };
      case 'storm':
        return { do: 'storm', end, count: random.integer(1, 100) };
      case 'turns':
        return { do: 'turns', count: random.pick([1, 1, 2, 5]) };
      case 'settle':
        return { do: 'settle' };
      default:
        return { do: kind, end };
    }
  }

  #send(end: EndName): Omit<SendStep, 'do' | 'end'> {
    const form = this.#readsAhead ? 'async' : this.#random.pick(SEND_FORMS);
    return { form, ...this.#waiting(end, form) };
  }

  #receive(end: EndName): Omit<ReceiveStep, 'do' | 'end'> {
    const form = this.#random.pick(this.#receiveForms);
    return { form, ...this.#waiting(end, form) };
  }

  get #receiveForms(): readonly ReceiveStep['form'][] {
    if (this.#readsAhead) return ['async', 'iterate'];
    return this.#lies ? RECEIVE_FORMS.filter((each) => each !== 'many') : RECEIVE_FORMS;
  }

  #waiting(
    end: EndName,
    form: SendStep['form'] | ReceiveStep['form'],
  ): Pick<SendStep, 'count' | 'ms' | 'signal'> {
    const random = this.#random;
    if (form === 'many') return counted(random.pick(this.#isLocal ? LOCAL_BATCHES : BATCHES));
    const signalled = !this.#readsAhead && (form === 'async' || form === 'iterate') && random.chance(0.5);
    const one = form === 'iterate' || random.chance(0.75);
    const many = random.chance(0.2) && (this.#isLocal || form === 'block' || form === 'async');
    const count = one ? 1 : many ? random.pick(MANY_CALLS) : random.integer(2, 8);
    return {
      ...counted(count),
      ...(form === 'within' && count === 1 && { ms: random.pick([0, 1, 2]) }),
      ...(signalled && { signal: this.#signal(end) }),
    };
  }

  /**
   * Whether both ends live in the main thread. Elsewhere, many calls that come to nothing leave it open when that was:
   * the model could not follow.
   */
  get #isLocal(): boolean {
    return this.#places.every((place) => place === 'main');
  }

  /** One of a few, so that some are given to several calls, and some have aborted before. */
  #signal(end: EndName): number {
    const signal = this.#random.integer(0, SIGNALS - 1);
    this.#used[end].add(signal);
    return signal;
  }
}

function counted(count: number): { count?: number } {
  return count === 1 ? {} : { count };
}
