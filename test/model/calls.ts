import type { Command } from './command.ts';
import {
  countOf,
  type EndName,
  type EndStep,
  type LieStep,
  type ReceiveStep,
  type SendStep,
  type Step,
} from './history.ts';
import type { Control, Operation, Send } from './operation.ts';
import { DONE, ENDED, FULL, NOTHING, type Outcome, refused, UNASKED } from './outcome.ts';
import { EMPTY, MANY, PLAIN } from './state.ts';

/** How many calls of one kind may succeed at once in one turn of the event loop. */
const TURN = 128;

/** A step as the end's host gets it, and as the model sees it. */
export interface Calls {
  readonly operations: readonly Operation[];
  readonly command: Command;
}

/** Gives the operations of one history their numbers, and the files that are sent their tags. */
export class Numbers {
  #id = 0;
  #tag = 0;
  readonly #sends: [number, number] = [0, 0];
  /** Of ends whose sends may wait in the end itself, and which do not mind that they are closed. */
  readonly readsAhead: boolean;

  constructor({ readsAhead }: { readonly readsAhead: boolean }) {
    this.readsAhead = readsAhead;
  }

  ids(count: number): number[] {
    return Array.from({ length: count }, () => ++this.#id);
  }

  /** Whether so many were sent on an end's event loop before that this one may have to wait for the next turn. */
  late(end: EndName): boolean {
    return ++this.#sends[end] > TURN || this.readsAhead;
  }

  tags(count: number): number[] {
    return Array.from({ length: count }, () => ++this.#tag);
  }
}

/** What a call comes to where it would have to wait, by its form; undefined where it does wait. */
const NO_ROOM: Readonly<Record<SendStep['form'], Outcome | undefined>> = {
  block: undefined,
  async: undefined,
  within: refused('ETIMEDOUT', 'sendmsg'),
  try: FULL,
  many: FULL,
};
const NOTHING_THERE: Readonly<Record<ReceiveStep['form'], Outcome | undefined>> = {
  block: undefined,
  async: undefined,
  iterate: undefined,
  within: refused('ETIMEDOUT', 'recvmsg'),
  try: NOTHING,
  many: NOTHING,
  nonblock: refused('EAGAIN', 'recvmsg'),
};

/** What a control comes to at an end that is closed; `destroy` and the limit do not mind. */
const REFUSALS: Readonly<Record<EndStep['do'], Outcome | undefined>> = {
  shutdown: refused('EBADF', 'shutdown'),
  destroy: undefined,
  readopt: refused('EBADF', 'detach'),
  ref: refused('EBADF', 'ref'),
  unref: refused('EBADF', 'unref'),
  exhaust: undefined,
  relieve: undefined,
};

/** The steps that an end's own thread does. */
export type OwnStep = Extract<Step, SendStep | ReceiveStep | LieStep | EndStep | { do: 'abort' }>;

export function callsOf(step: OwnStep, numbers: Numbers): Calls {
  switch (step.do) {
    case 'send':
      return sends(step, numbers);
    case 'receive':
      return receives(step, numbers);
    case 'lie':
      return lies(step, numbers);
    case 'abort': {
      const { end, signal } = step;
      const [id] = numbers.ids(1) as [number];
      return {
        operations: [{ kind: 'abort', id, end, runs: 'thread', signal }],
        command: { do: 'abort', end, ids: [id], signal },
      };
    }
    default: {
      const { end } = step;
      const [id] = numbers.ids(1) as [number];
      const kind: Control['kind'] = step.do === 'ref' || step.do === 'unref' ? 'touch' : step.do;
      return {
        operations: [
          { kind, id, end, runs: 'thread', refusal: numbers.readsAhead ? undefined : REFUSALS[step.do] },
        ],
        command: { do: step.do, end, ids: [id] },
      };
    }
  }
}

function sends(step: SendStep, numbers: Numbers): Calls {
  const { end, form, ms = 0, signal } = step;
  const ids = numbers.ids(countOf(step));
  const tags = numbers.tags(ids.length);
  const operations = ids.map((id, i): Operation => {
    return {
      kind: 'send',
      id,
      end,
      runs: form === 'async' ? 'loop' : 'thread',
      item: tags[i] as number,
      late: form === 'async' && numbers.late(end),
      ...batched(form, i, NO_ROOM[form]),
      ended: ENDED,
      signal,
    };
  });
  return { operations, command: { do: 'send', end, form, ids, tags, ms, signal } };
}

function receives(step: ReceiveStep, numbers: Numbers): Calls {
  const { end, form, ms = 0, signal } = step;
  const ids = numbers.ids(countOf(step));
  const operations = ids.map((id, i): Operation => {
    return {
      kind: 'receive',
      id,
      end,
      runs: form === 'async' || form === 'iterate' ? 'loop' : 'thread',
      ...batched(form, i, NOTHING_THERE[form]),
      ended: form === 'iterate' ? DONE : ENDED,
      signal,
    };
  });
  return { operations, command: { do: 'receive', end, form, ids, ms, signal } };
}

/** What a call comes to where it would have to wait; of a call for many, only its first message tells. */
function batched(
  form: SendStep['form'] | ReceiveStep['form'],
  index: number,
  otherwise: Outcome | undefined,
): Pick<Send, 'otherwise' | 'spare'> {
  return form === 'many' && index > 0 ? { otherwise: UNASKED, spare: true } : { otherwise };
}

function lies(step: LieStep, numbers: Numbers): Calls {
  const { end, bytes, descriptors } = step;
  const ids = numbers.ids(countOf(step));
  const item = descriptors > 0 ? MANY : bytes > 0 ? PLAIN : EMPTY;
  const operations = ids.map((id): Operation => {
    return { kind: 'send', id, end, runs: 'thread', item, otherwise: FULL, ended: ENDED };
  });
  return { operations, command: { do: 'lie', end, ids, bytes, descriptors } };
}
