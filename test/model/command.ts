import type { EndName, ReceiveForm, SendForm } from './history.ts';
import type { Outcome } from './outcome.ts';

/** What the main thread tells the thread or process that an end lives in. Plain data: it may be posted. */
export type Command =
  | {
      readonly do: 'begin';
      readonly end: EndName;
      readonly row: string;
      /** Undefined for a process that has to receive it first. */
      readonly socket: number | undefined;
    }
  | {
      readonly do: 'send';
      readonly end: EndName;
      readonly form: SendForm;
      /** One call for each. */
      readonly ids: readonly number[];
      readonly tags: readonly number[];
      readonly ms: number;
      readonly signal: number | undefined;
    }
  | {
      readonly do: 'receive';
      readonly end: EndName;
      readonly form: ReceiveForm;
      readonly ids: readonly number[];
      readonly ms: number;
      readonly signal: number | undefined;
    }
  | {
      readonly do: 'lie';
      readonly end: EndName;
      readonly ids: readonly number[];
      readonly bytes: number;
      readonly descriptors: number;
    }
  | { readonly do: 'abort'; readonly end: EndName; readonly ids: readonly number[]; readonly signal: number }
  | {
      readonly do: 'shutdown' | 'destroy' | 'readopt' | 'ref' | 'unref' | 'exhaust' | 'relieve';
      readonly end: EndName;
      readonly ids: readonly number[];
    };

/** What operations came to, by their ids. */
export type Answers = readonly (readonly [id: number, outcome: Outcome])[];

/** What a thread or process posts: that it is ready, answers, or at the end of a history what was left behind. */
export type Report =
  | { readonly ready: true }
  | { readonly answers: Answers }
  | { readonly left: readonly string[] };

/** The last command of a history. */
export interface Finish {
  readonly do: 'finish';
}

/** What a thread or process is started with. */
export interface RemoteOptions {
  /** Where the files are that are sent. */
  readonly directory: string;
}
