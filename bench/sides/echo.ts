// Sends back every descriptor that it receives, until the end of the channel: a process that was given its
// socket as descriptor 3, or a worker thread that was given a number.
import { parentPort, workerData } from 'node:worker_threads';
import { ChannelError, closeFD, newEndpoint } from '../../src/index.ts';
import { confineFarEnd } from './processors.ts';

confineFarEnd();
const endpoint = newEndpoint((workerData as number | null) ?? 3);

function blocking(): never {
  for (;;) {
    const fd = endpoint.recvFD();
    endpoint.sendFD(fd);
    closeFD(fd);
  }
}

async function onTheLoop(): Promise<never> {
  for (;;) {
    const fd = await endpoint.recvFDAsync();
    await endpoint.sendFDAsync(fd);
    closeFD(fd);
  }
}

try {
  parentPort?.postMessage('ready');
  if (process.argv[2] === 'async') await onTheLoop();
  else blocking();
} catch (error) {
  if (!(error instanceof ChannelError && error.code === 'ERR_FDCHANNEL_ENDED')) throw error;
  endpoint.destroy();
}
