import { fstatSync } from 'node:fs';
import { ChannelError, closeFD, type Endpoint } from '../../src/index.ts';
import { SOON } from './channel.ts';

/** Every way to receive one descriptor. An iteration that ends says so by undefined. */
export const forms: Readonly<Record<string, (endpoint: Endpoint) => unknown>> = {
  recvFD: (endpoint) => endpoint.recvFD(),
  'recvFD with a timeout': (endpoint) => endpoint.recvFD(SOON),
  recvFDNonblock: (endpoint) => endpoint.recvFDNonblock(),
  tryRecvFD: (endpoint) => endpoint.tryRecvFD() ?? 'nothing',
  recvFDAsync: (endpoint) => endpoint.recvFDAsync(),
  iteration: async (endpoint) => {
    for await (const fd of endpoint) return fd;
    return undefined;
  },
};

/** What one receive came to: the inode of what was received, or the code of the error. */
export async function outcomeOf(receive: () => unknown): Promise<number | string> {
  try {
    const fd = await receive();
    if (fd === undefined) return 'ERR_FDCHANNEL_ENDED';
    if (typeof fd !== 'number') return String(fd);
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
export async function receiveAll(
  endpoint: Endpoint,
  receive: (endpoint: Endpoint) => unknown,
): Promise<(number | string)[]> {
  const outcomes: (number | string)[] = [];
  for (let ends = 0; ends <= AND_STILL; ) {
    const outcome = await outcomeOf(() => receive(endpoint));
    outcomes.push(outcome);
    if (outcome === 'ERR_FDCHANNEL_ENDED') ends++;
  }
  return outcomes;
}
