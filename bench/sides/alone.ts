// Sockets that wait in a process of its own, one or as many as its second argument says: through fdchannel, or by koffi's own
// calls if the first one is 'bare'. It speaks the protocol of bench/README.md.
import { createInterface } from 'node:readline';
import { bareWake } from './bare-loop.ts';
import { WaitingEndpoints } from './waiting-endpoints.ts';

const [, , library, sockets = '1'] = process.argv;
const side = library === 'bare' ? bareWake('', Number(sockets)) : wake(Number(sockets));
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, , count] = line.split(' ');
  const times = verb === 'batch' ? [await side.batch(Number(count))] : await side.each(Number(count));
  console.log(Array.from(times).join(' '));
}
await side.close?.();

function wake(count: number) {
  const endpoints = new WaitingEndpoints();
  endpoints.grow(count);
  endpoints.wait();
  return { ...endpoints.side(''), close: () => endpoints.close() };
}
