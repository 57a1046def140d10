import { getEventListeners } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { inspect } from 'node:util';
import { ChannelError, SyscallError } from '../../src/index.ts';
import { isCloseOnExec, trySendRaw } from '../support/raw.ts';
import type { Answers, Command } from './command.ts';
import type { ModelEnd } from './ends.ts';
import type { EndName, ReceiveForm, SendForm } from './history.ts';
import {
  CALLED,
  DONE,
  ENDED,
  FULL,
  NOTHING,
  OK,
  type Outcome,
  outcomeOf,
  received,
  refused,
  SENT,
  UNASKED,
} from './outcome.ts';
import { rowNamed } from './rows.ts';
import { type TagFiles, takeTag } from './tags.ts';

/** An end, and what belongs to it for as long as a history goes on. */
interface Held {
  readonly adopt: (sockfd: number) => ModelEnd;
  end: ModelEnd;
  /** It was destroyed, and not by an error. */
  isDestroyed: boolean;
  iterator: AsyncIterator<number, unknown> | undefined;
  readonly signals: Map<number, AbortController>;
}

/** Does what it is told with ends that live in this thread, and tells what each call came to. */
export class Side {
  readonly #files: TagFiles;
  readonly #tell: (answers: Answers) => void;
  readonly #held = new Map<EndName, Held>();
  /** What keeps the process at its limit of descriptors. */
  #fillers: number[] | undefined;

  constructor(files: TagFiles, tell: (answers: Answers) => void) {
    this.#files = files;
    this.#tell = tell;
  }

  perform(command: Command): void {
    if (command.do === 'begin') {
      const { adopt } = rowNamed(command.row);
      const end = adopt(command.socket as number);
      this.#held.set(command.end, {
        adopt,
        end,
        isDestroyed: false,
        iterator: undefined,
        signals: new Map(),
      });
      return;
    }
    const held = this.#held.get(command.end);
    if (held === undefined) throw new Error(`end ${command.end} does not live here`);
    if (command.do === 'send') this.#send(held, command);
    else if (command.do === 'receive') this.#receive(held, command);
    else this.#tell(command.ids.map((id) => [id, this.#control(held, command)]));
  }

  /** Ends the history. @returns what was left behind */
  finish(): string[] {
    const left: string[] = [];
    for (const { end, signals } of this.#held.values()) {
      end.destroy();
      for (const [name, { signal }] of signals) {
        const count = getEventListeners(signal, 'abort').length;
        if (count > 0) left.push(`${count} listeners on signal ${name}`);
      }
    }
    this.#held.clear();
    this.#relieve();
    return left;
  }

  #send({ end, signals }: Held, command: Command & { do: 'send' }): void {
    const { form, ids, tags, ms } = command;
    if (form === 'many') {
      this.#sendMany(end, ids, tags);
      return;
    }
    const signal = signalOf(signals, command.signal);
    this.#call(form, ids, signal, (i) => {
      const fd = this.#open(tags[i] as number);
      try {
        if (form === 'async') return end.sendAsync(fd, { signal }).then(sent);
        if (form === 'try') return end.trySend(fd) ? SENT : FULL;
        return sent(end.send(fd, form === 'within' ? { timeout: ms } : undefined));
      } finally {
        this.#close(fd);
      }
    });
  }

  #receive(held: Held, command: Command & { do: 'receive' }): void {
    const { form, ids, ms } = command;
    const { end, signals } = held;
    if (form === 'many') {
      this.#tellMany(ids, NOTHING, () => end.receiveMany?.(ids.length).map(taken));
      return;
    }
    const signal = signalOf(signals, command.signal);
    this.#call(form, ids, signal, () => {
      if (this.#fillers) this.#fill();
      if (form === 'iterate') return this.#iterate(held, signal);
      if (form === 'async') return end.receiveAsync({ signal }).then(taken);
      if (form === 'try') return taken(end.tryReceive());
      if (form === 'nonblock') return taken(end.receiveNonblock?.());
      return taken(end.receive(form === 'within' ? { timeout: ms } : undefined));
    });
  }

  #sendMany(end: ModelEnd, ids: readonly number[], tags: readonly number[]): void {
    const fds = tags.map((tag) => this.#open(tag));
    this.#tellMany(ids, FULL, () => Array(end.sendMany?.(fds)).fill(SENT));
    for (const fd of fds) this.#close(fd);
  }

  /** Calls once for all ids, and tells what each came to. */
  #tellMany(ids: readonly number[], none: Outcome, call: () => Outcome[] | undefined): void {
    let outcomes: Outcome[];
    try {
      outcomes = call() ?? [];
      if (outcomes.length > ids.length) outcomes = [`${outcomes.length} where ${ids.length} were asked for`];
    } catch (error) {
      // The kernel's call for many has a name of its own.
      outcomes = [told(error, undefined).replace('mmsg', 'msg')];
    }
    this.#tell(ids.map((id, i) => [id, outcomes[i] ?? (i === 0 ? none : UNASKED)]));
  }

  /** Calls as often as there are ids, and tells what comes of it. */
  #call(
    form: SendForm | ReceiveForm,
    ids: readonly number[],
    signal: AbortSignal | undefined,
    call: (i: number) => Outcome | Promise<Outcome>,
  ): void {
    const now: [number, Outcome][] = [];
    for (const [i, id] of ids.entries()) {
      const outcome = attempt(signal, () => call(i));
      if (typeof outcome !== 'string') {
        outcome.then((came) => this.#tell([[id, came]]));
        now.push([id, CALLED]);
      } else if (isAsync(form)) now.push([id, `thrown, and not a promise: ${outcome}`]);
      else now.push([id, outcome]);
      // What blocks may do so for long: until then, what went before has to be told.
      if (form === 'block' || form === 'within') this.#tell(now.splice(0));
    }
    this.#tell(now);
  }

  /** One step of an iteration, which goes on with the next command if it can. */
  async #iterate(held: Held, signal: AbortSignal | undefined): Promise<Outcome> {
    const iterator = signal
      ? held.end.iterate({ signal })
      : (held.iterator ?? held.end.iterate({ signal: undefined }));
    if (!signal) held.iterator = iterator;
    const over = (): void => {
      if (held.iterator === iterator) held.iterator = undefined;
    };
    try {
      const { done, value } = await iterator.next();
      if (!done) return taken(value);
      over();
      return value === undefined ? DONE : `done, with ${value}`;
    } catch (error) {
      over();
      throw error;
    }
  }

  #control(held: Held, command: Command): Outcome {
    try {
      switch (command.do) {
        case 'lie':
          return this.#lie(held, command.bytes, command.descriptors);
        case 'abort':
          signalOf(held.signals, command.signal, (controller) => controller.abort());
          return OK;
        case 'readopt': {
          held.end = held.adopt(held.end.detach());
          held.iterator = undefined;
          return OK;
        }
        case 'exhaust':
          this.#fillers ??= [];
          this.#fill();
          return OK;
        case 'relieve':
          this.#relieve();
          return OK;
        case 'destroy':
          held.isDestroyed = true;
          held.end.destroy();
          return OK;
        case 'shutdown':
        case 'ref':
        case 'unref':
          held.end[command.do]();
          return OK;
        default:
          throw new Error(`nothing to control by ${command.do}`);
      }
    } catch (error) {
      return outcomeOf(error, undefined);
    }
  }

  #lie({ end, isDestroyed }: Held, bytes: number, descriptors: number): Outcome {
    if (end.fd < 0) return isDestroyed ? refused('EBADF', 'sendmsg') : ENDED;
    try {
      return trySendRaw(end.fd, bytes, Array(descriptors).fill(0)) ? SENT : FULL;
    } catch (error) {
      const over = error instanceof SyscallError && ['EPIPE', 'ECONNRESET'].includes(error.code);
      return over ? ENDED : outcomeOf(error, undefined);
    }
  }

  #open(tag: number): number {
    const filler = this.#fillers?.pop();
    if (filler !== undefined) closeSync(filler);
    return this.#files.open(tag);
  }

  #close(fd: number): void {
    closeSync(fd);
    if (this.#fillers) this.#fill();
  }

  #fill(): void {
    try {
      for (;;) this.#fillers?.push(openSync('/dev/null', 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
    }
  }

  #relieve(): void {
    for (const fd of this.#fillers ?? []) closeSync(fd);
    this.#fillers = undefined;
  }
}

function signalOf(
  signals: Map<number, AbortController>,
  name: number | undefined,
  use?: (controller: AbortController) => void,
): AbortSignal | undefined {
  if (name === undefined) return undefined;
  const controller = signals.get(name) ?? new AbortController();
  signals.set(name, controller);
  use?.(controller);
  return controller.signal;
}

function isAsync(form: SendForm | ReceiveForm): boolean {
  return form === 'async' || form === 'iterate';
}

function attempt(
  signal: AbortSignal | undefined,
  call: () => Outcome | Promise<Outcome>,
): Outcome | Promise<Outcome> {
  try {
    const outcome = call();
    return typeof outcome === 'string' ? outcome : outcome.catch((error) => told(error, signal));
  } catch (error) {
    return told(error, signal);
  }
}

/** A send that fails because the channel has ended says why the kernel refused it. */
function told(error: unknown, signal: AbortSignal | undefined): Outcome {
  if (error instanceof ChannelError && error.cause !== undefined) {
    if (!(error.cause instanceof SyscallError)) return `${error.code} with a strange cause`;
  }
  return outcomeOf(error, signal);
}

function sent(result: unknown): Outcome {
  return result === undefined ? SENT : `sent, with ${inspect(result)}`;
}

function taken(fd: number | undefined): Outcome {
  if (fd === undefined) return NOTHING;
  const isInherited = !isCloseOnExec(fd);
  const outcome = received(takeTag(fd));
  return isInherited ? `${outcome}, which child processes inherit` : outcome;
}
