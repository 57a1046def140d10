import { setImmediate as turn } from 'node:timers/promises';
import { Endpoint } from '../../src/index.ts';
import { type Calls, callsOf, Numbers, type OwnStep } from './calls.ts';
import type { Row } from './ends.ts';
import { Fault } from './fault.ts';
import {
  countOf,
  ENDS,
  type EndName,
  type Place,
  type ReceiveStep,
  type SendStep,
  type Step,
} from './history.ts';
import type { Host } from './host.ts';
import type { Rules } from './kernel.ts';
import { Ledger } from './ledger.ts';
import { OK } from './outcome.ts';
import type { ProcessHost } from './process-host.ts';
import { peerOf } from './state.ts';

/** How many calls of one step, and of other threads, may be under way when the next step begins. */
const FEW = 10;

/** From how many states the next step may begin. */
const FEW_STATES = 40;

/** More than there are between the promise of a call and its answer. */
const MICROTASKS = 12;

/** One pair of ends to which a history happens, step by step. */
export class Play {
  readonly hosts: readonly [Host, Host];
  readonly ledger: Ledger;
  readonly paused = new Set<EndName>();
  readonly killed = new Set<EndName>();
  readonly #row: Row;
  readonly #sockets: readonly [number, number];
  readonly #numbers: Numbers;

  /** @param patience milliseconds after which a call that must come to an end counts as stalled */
  constructor(
    row: Row,
    rules: Rules,
    hosts: readonly [Host, Host],
    sockets: readonly [number, number],
    patience: number,
  ) {
    this.#row = row;
    this.hosts = hosts;
    this.#sockets = sockets;
    this.#numbers = new Numbers(row);
    this.ledger = new Ledger(rules, patience);
    for (const host of new Set(hosts)) {
      host.onAnswers = (answers) => this.ledger.answer(answers);
      host.onLoss = (why) => this.ledger.fail(new Fault('lost', why));
    }
  }

  /** Takes one step, if that is possible in this place and at this time. */
  async step(step: Step, number?: number): Promise<void> {
    const { ledger } = this;
    // What happens at the same time multiplies: the model catches up before there is too much of it.
    if (ledger.model.states > FEW_STATES || ledger.uncalled > FEW) await this.settle();
    const possible = this.#isPossible(step);
    ledger.trace.step(step, number, !possible);
    if (!possible) return;
    ledger.counts.steps++;
    await this.#take(step);
    // Of many calls, those that are over say so before the next step.
    if (countOf(step) > FEW) for (let i = 0; i < MICROTASKS; i++) await undefined;
    ledger.check();
  }

  /** Whether the ends have the forms of the event loop alone. */
  get readsAhead(): boolean {
    return this.#row.readsAhead;
  }

  /** Waits until nothing more has to happen. */
  settle(): Promise<void> {
    return this.ledger.settle(this.paused);
  }

  /** The ends that are open and whose thread is free. */
  get free(): EndName[] {
    const { model } = this.ledger;
    return ENDS.filter((end) => !this.killed.has(end) && model.isOpen(end) && !this.#isBlocked(end));
  }

  /** Whether the end's thread is, or soon will be, in a call that only the other end can end. */
  #isBlocked(end: EndName): boolean {
    return this.ledger.isIn(end, 'block');
  }

  #isPossible(step: Step): boolean {
    if (step.do === 'turns' || step.do === 'settle') return true;
    const { end } = step;
    const { place } = this.hosts[end];
    const { model } = this.ledger;
    if (this.killed.has(end)) return false;
    switch (step.do) {
      case 'send':
        if (step.form === 'many') return this.#mayDoMany(place);
        if (step.form === 'async' && !this.#mayWait(step)) return false;
        return step.form !== 'block' || this.#mayBlock(end);
      case 'receive':
        // An iterator gives one after the other.
        if (step.form === 'iterate' && this.ledger.isIn(end, 'iterate')) return false;
        if (step.form === 'many') return this.#mayDoMany(place);
        if (step.form === 'async' && !this.#mayWait(step)) return false;
        if (step.form === 'nonblock' && !this.#row.isEndpoint) return false;
        return step.form !== 'block' || this.#mayBlock(end);
      case 'exhaust':
        return place === 'limited';
      case 'kill':
      case 'pause':
      case 'resume':
      case 'storm':
        return place === 'process' || place === 'limited';
      case 'shutdown from main':
        // Its number must not belong to somebody else by the time.
        return place === 'worker' && model.isOpen(end) && !model.isBusy(end);
      default:
        return true;
    }
  }

  /** The main thread never waits for an end; and of two others, one stays free to end the other's wait. */
  #mayBlock(end: EndName): boolean {
    const peer = peerOf(end);
    return this.#isHere(end) || this.#isHere(peer) || !this.#isBlocked(peer);
  }

  /**
   * A send that waits holds a descriptor, and so does a receive between its end and its answer: the limit is to be
   * reached only when that is asked for.
   */
  #mayWait(step: SendStep | ReceiveStep): boolean {
    const { end } = step;
    return this.hosts[end].place !== 'limited' || this.ledger.model.waits(end) + countOf(step) <= FEW;
  }

  /** At the descriptor limit there are too few for many, and one call loses what several would have left. */
  #mayDoMany(place: Place): boolean {
    return this.#row.isEndpoint && place !== 'limited';
  }

  #isHere(end: EndName): boolean {
    return this.hosts[end].place === 'main';
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'turns':
        this.ledger.turn();
        for (let i = 0; i < step.count; i++) await turn();
        return;
      case 'settle':
        return this.settle();
      case 'kill':
        return this.#kill(step.end);
      case 'pause':
      case 'resume':
        return this.#pause(step.end, step.do === 'pause');
      case 'storm':
        return this.#storm(step.end, step.count);
      case 'shutdown from main':
        return this.#shutDownFromMain(step.end);
      case 'send':
      case 'receive':
        return this.#isHere(step.end) ? this.#here(step) : this.#own(step);
      default:
        return this.#own(step);
    }
  }

  /** Calls of the main thread: some at a time, as long as the model can follow. */
  async #here(step: SendStep | ReceiveStep): Promise<void> {
    const { model } = this.ledger;
    const { count, ...one } = step;
    const few = step.form !== 'block' && this.#isHere(peerOf(step.end)) ? FEW : 1;
    const atOnce = step.form === 'many' ? countOf(step) : few;
    for (let left = countOf(step); left > 0; ) {
      if (model.states > FEW_STATES) await this.settle();
      // A call that has to wait would wait for ever.
      if (step.form === 'block' && !model.isCertain(step.end, step.do)) return;
      const some = Math.min(left, atOnce);
      this.#own({ ...one, count: some });
      left -= some;
    }
  }

  /** What the end's own thread does. */
  #own(step: OwnStep): void {
    const { operations, command } = this.#calls(step);
    const form = 'form' in step ? step.form : undefined;
    for (const operation of operations) this.ledger.begin(operation, form);
    this.hosts[step.end].perform(command);
  }

  #calls(step: OwnStep): Calls {
    // A stream drops what comes without a byte.
    if (step.do === 'lie' && this.#row.type === 'stream')
      return callsOf({ ...step, bytes: 1 }, this.#numbers);
    if (step.do === 'receive' && step.form === 'iterate')
      return callsOf({ ...step, count: 1 }, this.#numbers);
    return callsOf(step, this.#numbers);
  }

  #kill(end: EndName): void {
    const { ledger } = this;
    this.killed.add(end);
    this.paused.delete(end);
    ledger.counts.kills++;
    const [id] = this.#numbers.ids(1) as [number];
    ledger.begin({ kind: 'kill', id, end, runs: 'elsewhere' });
    void this.hosts[end].end().then(() => {
      ledger.answer([[id, OK]]);
      ledger.drop(end);
    });
  }

  #pause(end: EndName, stop: boolean): void {
    (this.hosts[end] as ProcessHost).signal(stop ? 'SIGSTOP' : 'SIGCONT');
    if (stop) this.paused.add(end);
    else this.paused.delete(end);
  }

  async #storm(end: EndName, count: number): Promise<void> {
    const host = this.hosts[end] as ProcessHost;
    for (let i = 0; i < count; i++) {
      host.signal('SIGUSR2');
      if (i % 20 === 0) await turn();
    }
  }

  #shutDownFromMain(end: EndName): void {
    const [id] = this.#numbers.ids(1) as [number];
    this.ledger.begin({ kind: 'shutdown', id, end, runs: 'elsewhere' });
    const endpoint = new Endpoint(this.#sockets[end]);
    endpoint.shutdown();
    endpoint.detach();
    this.ledger.answer([[id, OK]]);
  }
}
