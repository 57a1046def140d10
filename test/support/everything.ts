import { fstatSync } from 'node:fs';
import { ChannelError, closeFD } from '../../src/index.ts';
import type { End } from './ends.ts';
import type { Taking } from './forms.ts';
import { ENDED } from './refusals.ts';

/** What one receive came to: the inode of what was received, 'nothing', or the code of the error. */
export async function outcomeOf({ form, take }: Taking, end: End): Promise<number | string> {
  try {
    const fd: number | undefined = await take(end);
    // A loop that is over has no error.
    if (fd === undefined) return form === 'iterate' ? ENDED[1] : 'nothing';
    const { ino } = fstatSync(fd);
    closeFD(fd);
    return ino;
  } catch (error) {
    if (error instanceof ChannelError) return error.code;
    throw error;
  }
}

/** How many more receives have to say that the channel has ended, once one has. */
const AND_STILL = 3;

/** Receives to the end, and then a few times more. */
export async function receiveAll(taking: Taking, end: End): Promise<(number | string)[]> {
  const outcomes: (number | string)[] = [];
  for (let ends = 0; ends <= AND_STILL; ) {
    const outcome = await outcomeOf(taking, end);
    outcomes.push(outcome);
    if (outcome === ENDED[1]) ends++;
  }
  return outcomes;
}
