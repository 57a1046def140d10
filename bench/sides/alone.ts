// One endpoint that waits in a process of its own. It speaks the protocol of bench/README.md.
import { createInterface } from 'node:readline';
import { WaitingEndpoints } from './waiting-endpoints.ts';

const endpoints = new WaitingEndpoints();
endpoints.grow(1);
endpoints.wait();
const side = endpoints.side('');
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, , count] = line.split(' ');
  const times = verb === 'batch' ? [await side.batch(Number(count))] : await side.each(Number(count));
  console.log(Array.from(times).join(' '));
}
endpoints.close();
