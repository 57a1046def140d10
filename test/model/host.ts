import type { Answers, Command, Finish, Report } from './command.ts';
import { Fault } from './fault.ts';
import type { EndName, Place } from './history.ts';
import { Side } from './side.ts';
import type { TagFiles } from './tags.ts';

/** Where ends live: the main thread, a worker, or a process. It does what it is told, one thing after the other. */
export abstract class Host {
  abstract readonly place: Place;
  /** Called with what operations came to: by {@link perform} itself, or later. */
  onAnswers: (answers: Answers) => void = () => {};
  /** Called when it has ended, and nobody wanted that. */
  onLoss: (why: string) => void = () => {};

  /** The descriptors of this process that the host needs for itself. */
  get descriptors(): readonly number[] {
    return [];
  }

  /** Makes an end of a socket, which belongs to the host from now on. */
  abstract begin(end: EndName, row: string, socket: number): Promise<void>;

  abstract perform(command: Command): void;

  /** Closes what is left of a history. @returns what was left behind */
  abstract finish(): Promise<readonly string[]>;

  /** Ends it by force, as far as it can be. */
  abstract end(): Promise<void>;
}

/** The thread that also runs the model. */
export class MainHost extends Host {
  readonly place = 'main';
  readonly #side: Side;

  constructor(files: TagFiles) {
    super();
    this.#side = new Side(files, (answers) => this.onAnswers(answers));
  }

  async begin(end: EndName, row: string, socket: number): Promise<void> {
    this.#side.perform({ do: 'begin', end, row, socket });
  }

  perform(command: Command): void {
    this.#side.perform(command);
  }

  async finish(): Promise<readonly string[]> {
    return this.#side.finish();
  }

  async end(): Promise<void> {
    this.#side.finish();
  }
}

/** What workers and processes have in common: they run remote.ts, and get commands and post reports as messages. */
export abstract class RemoteHost extends Host {
  #resolveReady: () => void = () => {};
  #rejectReady: (fault: Fault) => void = () => {};
  readonly #ready: Promise<void> = new Promise((resolve, reject) => {
    this.#resolveReady = resolve;
    this.#rejectReady = reject;
  });
  #finished: ((left: readonly string[]) => void) | undefined;
  /** It was ended, by whoever that was. */
  protected over = false;

  constructor() {
    super();
    this.#ready.catch(() => {}); // Reported by onLoss, too.
  }

  protected get ready(): Promise<void> {
    return this.#ready;
  }

  protected abstract post(message: Command | Finish): void;

  protected onReport(report: Report): void {
    if ('ready' in report) this.#resolveReady();
    else if ('answers' in report) this.onAnswers(report.answers);
    else this.#finished?.(report.left);
  }

  protected lose(why: string): void {
    if (this.over) return;
    this.over = true;
    this.#rejectReady(new Fault('lost', why));
    this.#finished?.([why]);
    this.onLoss(why);
  }

  perform(command: Command): void {
    this.post(command);
  }

  finish(): Promise<readonly string[]> {
    if (this.over) return Promise.resolve([]);
    return new Promise((resolve) => {
      this.#finished = resolve;
      this.post({ do: 'finish' });
    });
  }
}
