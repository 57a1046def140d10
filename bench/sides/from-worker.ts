// The near end of a round trip in a worker thread: it does what it is asked for, and answers with the times.
import { parentPort, workerData } from 'node:worker_threads';
import { newEndpoint } from '../../src/index.ts';
import { blockingSide, type Request } from './round-trip.ts';

const side = blockingSide('', newEndpoint(workerData as number));
parentPort?.on('message', async (request: Request | 'close') => {
  if (request === 'close') {
    await side.close?.();
    parentPort?.close();
    return;
  }
  const [verb, count] = request;
  parentPort?.postMessage(await side[verb](count));
});
