import { setImmediate as turn } from 'node:timers/promises';
import { Endpoint } from '../../src/index.ts';
import { type Calls, callsOf, Numbers, type OwnStep } from './calls.ts';
import type { Answers } from './command.ts';
import type { Row } from './ends.ts';
import { describe, Fault, Trace } from './fault.ts';
import { countOf, ENDS, type EndName, type ReceiveStep, type SendStep, type Step } from './history.ts';
import type { Host } from './host.ts';
import type { Rules } from './kernel.ts';
import { Impossible, Model } from './model.ts';
import type { Operation } from './operation.ts';
import { ABORTED, CALLED, OK, type Outcome, tagIn } from './outcome.ts';
import { ProcessHost } from './process-host.ts';
import { peerOf } from './state.ts';

/** What happened, in numbers. */
export interface Counts {
  steps: number;
  calls: number;
  descriptors: number;
  /** Calls that were not over when the event loop turned. */
  waits: number;
  aborts: number;
  kills: number;
}

/** How many calls of one step, and of other threads, may be under way when the next step begins. */
const FEW = 10;

/** From how many states the next step may begin. */
const FEW_STATES = 40;

/** More than there are between the promise of a call and its answer. */
const MICROTASKS = 12;

/** One pair of ends while a history happens to it, beside the model of it. */
export class Play {
  readonly row: Row;
  readonly hosts: readonly [Host, Host];
  readonly sockets: readonly [number, number];
  readonly model: Model;
  readonly trace = new Trace();
  readonly counts: Counts = { steps: 0, calls: 0, descriptors: 0, waits: 0, aborts: 0, kills: 0 };
  readonly paused = new Set<EndName>();
  readonly killed = new Set<EndName>();
  readonly #patience: number;
  readonly #numbers = new Numbers();
  readonly #waiting = new Set<number>();
  /** Calls that block without a limit and have no answer, and iterations. */
  readonly #open = new Map<number, { end: EndName; form: string }>();
  readonly #uncalled = new Set<number>();
  readonly #operations = new Map<number, Operation>();
  /** What ends the history early: a {@link Fault}, or that the model gave up. */
  #fault: unknown;
  #wake: () => void = () => {};

  /** @param patience milliseconds after which a call that must come to an end counts as stalled */
  constructor(
    row: Row,
    rules: Rules,
    hosts: readonly [Host, Host],
    sockets: readonly [number, number],
    patience: number,
  ) {
    this.row = row;
    this.hosts = hosts;
    this.sockets = sockets;
    this.model = new Model(rules);
    this.#patience = patience;
    for (const host of new Set(hosts)) {
      host.onAnswers = (answers) => this.#answered(answers);
      host.onLoss = (why) => this.#fail(new Fault('lost', why));
    }
  }

  /** Takes one step, if that is possible in this place and at this time. */
  async step(step: Step, number?: number): Promise<void> {
    // What happens at the same time multiplies: the model catches up before there is too much of it.
    if (this.model.states > FEW_STATES || this.#uncalled.size > FEW) await this.settle();
    const possible = this.#isPossible(step);
    this.trace.step(step, number, !possible);
    if (!possible) return;
    this.counts.steps++;
    await this.#take(step);
    // Of many calls, those that are over say so before the next step.
    if (countOf(step) > FEW) for (let i = 0; i < MICROTASKS; i++) await undefined;
    this.#check();
  }

  /** Waits until nothing more has to happen. */
  async settle(): Promise<void> {
    this.#count();
    for (;;) {
      this.#check();
      if (this.model.isAtRest([...this.paused])) return;
      if (!(await this.#change())) {
        const due = this.model.due([...this.paused]).map(describe);
        this.#fail(new Fault('stall', `nothing came within ${this.#patience} ms of ${due.join('; ')}`));
      }
    }
  }

  /** The ends that are open and whose thread is free. */
  get free(): EndName[] {
    return ENDS.filter(
      (end) => !this.killed.has(end) && this.model.isOpen(end) && !this.#isIn(end, 'block'),
    );
  }

  #isIn(end: EndName, form: string): boolean {
    return [...this.#open.values()].some((call) => call.end === end && call.form === form);
  }

  #isPossible(step: Step): boolean {
    if (step.do === 'turns' || step.do === 'settle') return true;
    const { end } = step;
    const host = this.hosts[end];
    if (this.killed.has(end)) return false;
    switch (step.do) {
      case 'send':
        if (!this.row.sends.includes(step.form)) return false;
        // Each send that waits holds a descriptor: the limit is to be reached only when that is asked for.
        if (host.place === 'limited' && step.form === 'async' && this.model.waits(end) + countOf(step) > FEW) {
          return false;
        }
        return step.form !== 'block' || this.#mayBlock(end);
      case 'receive':
        if (step.form === 'iterate' && this.#isIn(end, 'iterate')) return false;
        return step.form !== 'block' || this.#mayBlock(end);
      case 'exhaust':
        return host.place === 'limited';
      case 'kill':
      case 'pause':
      case 'resume':
      case 'storm':
        return host instanceof ProcessHost;
      case 'shutdown from main':
        // Its number must not belong to somebody else by the time.
        return host.place === 'worker' && this.model.isOpen(end) && !this.model.isBusy(end);
      default:
        return true;
    }
  }

  /** The main thread never waits for an end; and of two others, one stays free to end the other's wait. */
  #mayBlock(end: EndName): boolean {
    if (this.hosts[end].place === 'main') return true;
    return this.hosts[peerOf(end)].place === 'main' || !this.#isIn(peerOf(end), 'block');
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case 'turns':
        this.#count();
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
        return this.hosts[step.end].place === 'main' ? this.#here(step) : this.#own(step);
      default:
        return this.#own(step);
    }
  }

  /** Calls of the main thread: some at a time, as long as the model can follow. */
  async #here(step: SendStep | ReceiveStep): Promise<void> {
    const { count, ...one } = step;
    for (let left = countOf(step); left > 0; ) {
      if (this.model.states > FEW_STATES) await this.settle();
      // One that blocks would block for ever, unless something lets it go on.
      if (step.form === 'block' && !this.model.isCertain(step.end, step.do)) return;
      const some = step.form === 'block' || !this.#isLocal ? 1 : Math.min(left, FEW);
      this.#own(some === 1 ? one : { ...one, count: some });
      left -= some;
    }
  }

  /** Whether nothing happens at the same time in another thread. */
  get #isLocal(): boolean {
    return this.hosts[0] === this.hosts[1];
  }

  /** What the end's own thread does. */
  #own(step: OwnStep): void {
    const { operations, command } = this.#calls(step);
    for (const operation of operations) this.#begin(operation, 'form' in step ? step.form : '');
    this.hosts[step.end].perform(command);
  }

  #calls(step: OwnStep): Calls {
    if (step.do === 'lie' && this.row.type === 'stream') {
      // A stream drops what comes without a byte.
      return callsOf({ ...step, bytes: 1 }, this.#numbers);
    }
    if (step.do !== 'receive' || step.form !== 'iterate') return callsOf(step, this.#numbers);
    // An iterator gives one after the other.
    const { signal, count, ...plain } = step;
    const given = signal !== undefined && this.row.iteratesWithSignal ? { signal } : {};
    return callsOf({ ...plain, ...given }, this.#numbers);
  }

  #begin(operation: Operation, form: string): void {
    this.counts.calls++;
    this.#operations.set(operation.id, operation);
    this.#uncalled.add(operation.id);
    if (form === 'block' || form === 'iterate') this.#open.set(operation.id, { end: operation.end, form });
    this.model.begin(operation);
  }

  #answered(answers: Answers): void {
    for (const [id, outcome] of answers) {
      const operation = this.#operations.get(id);
      if (operation === undefined) {
        this.#fail(new Fault('answer', `${outcome} for an operation that was answered before`));
        return;
      }
      this.#answer(operation, outcome);
    }
    this.#wake();
  }

  #answer(operation: Operation, outcome: Outcome): void {
    if (this.#fault) return;
    this.#uncalled.delete(operation.id);
    if (outcome === CALLED) return operation.kind === 'send' ? this.#tell(operation, outcome) : undefined;
    this.trace.answer(operation, outcome);
    if (this.#waiting.has(operation.id)) this.counts.waits++;
    this.#forget(operation.id);
    if (tagIn(outcome) !== undefined) this.counts.descriptors++;
    if (outcome === ABORTED) this.counts.aborts++;
    this.#tell(operation, outcome);
  }

  #forget(id: number): void {
    this.#operations.delete(id);
    this.#open.delete(id);
    this.#uncalled.delete(id);
    this.#waiting.delete(id);
  }

  #tell(operation: Operation, outcome: Outcome): void {
    try {
      this.model.answer(operation.id, outcome);
    } catch (error) {
      const impossible = error instanceof Impossible;
      this.#fail(impossible ? new Fault('answer', `${describe(operation)} ${error.message}`) : error);
    }
  }

  #kill(end: EndName): void {
    this.killed.add(end);
    this.paused.delete(end);
    this.counts.kills++;
    const [id] = this.#numbers.ids(1) as [number];
    const kill: Operation = { kind: 'kill', id, end, runs: 'elsewhere' };
    this.#begin(kill, '');
    this.hosts[end].end().then(() => {
      this.#answer(kill, OK);
      this.model.drop(end);
      for (const [id, { end: at }] of this.#operations) if (at === end) this.#forget(id);
      this.#wake();
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
    this.#begin({ kind: 'shutdown', id, end, runs: 'elsewhere' }, '');
    const endpoint = new Endpoint(this.sockets[end]);
    endpoint.shutdown();
    endpoint.detach();
    this.#answered([[id, OK]]);
  }

  /** Counts what waits while the event loop turns. */
  #count(): void {
    for (const id of this.#operations.keys()) this.#waiting.add(id);
  }

  #fail(fault: unknown): void {
    this.#fault ??= fault;
    this.#wake();
  }

  #check(): void {
    if (this.#fault) throw this.#fault;
  }

  /** Waits for the next answer. @returns false when the time is over */
  #change(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#patience);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}
