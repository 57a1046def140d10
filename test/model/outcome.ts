import { inspect } from 'node:util';
import { ChannelError, SyscallError } from '../../src/index.ts';

/** What a call came to, in a word or two: the model compares words. A received descriptor is its tag. */
export type Outcome = string;

/** No answer yet: the call has returned a promise. */
export const CALLED: Outcome = 'called';
export const SENT: Outcome = 'sent';
/** Of the form `try`: there is no room, or nothing there. */
export const FULL: Outcome = 'no room';
export const NOTHING: Outcome = 'nothing';
/** Of a message that a call for many did not come to. */
export const UNASKED: Outcome = 'not asked';
/** Of an iteration that is over. */
export const DONE: Outcome = 'done';
/** Of calls that return nothing. */
export const OK: Outcome = 'ok';
export const ABORTED: Outcome = 'aborted';
export const ENDED: Outcome = 'ENDED';
export const NO_DESCRIPTOR: Outcome = 'NO_DESCRIPTOR';
export const TRUNCATED: Outcome = 'CONTROL_TRUNCATED';
export const TOO_MANY: Outcome = 'ETOOMANYREFS sendmsg';
/** At the descriptor limit; which call was refused is the library's own affair. */
export const EMFILE: Outcome = 'EMFILE';

export function received(tag: number): Outcome {
  return `descriptor ${tag}`;
}

/** The tag of a descriptor that was received. */
export function tagIn(outcome: Outcome): number | undefined {
  return outcome.startsWith('descriptor ') ? Number(outcome.slice('descriptor '.length)) : undefined;
}

/** Whether a receive that comes to this has taken a message. */
export function takes(outcome: Outcome): boolean {
  return tagIn(outcome) !== undefined || outcome === NO_DESCRIPTOR || outcome === TRUNCATED;
}

export function refused(code: 'EAGAIN' | 'EBADF' | 'ETIMEDOUT', syscall: string): Outcome {
  return `${code} ${syscall}`;
}

/** A message for every error that a row may throw; any other is shown as it is, and fits no model. */
export function outcomeOf(error: unknown, signal: AbortSignal | undefined): Outcome {
  if (signal?.aborted && error === signal.reason) return ABORTED;
  if (error instanceof ChannelError) return error.code.replace(/^ERR_FDCHANNEL_/, '');
  if (error instanceof SyscallError) {
    return error.code === 'EMFILE' ? EMFILE : `${error.code} ${error.syscall}`;
  }
  return inspect(error);
}
