import { readdirSync } from 'node:fs';
import type { Question } from '../harness/question.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { WaitingEndpoints } from '../sides/waiting-endpoints.ts';
import { IDLE, measureWaits, WAKE } from '../sides/waits.ts';

const POINTS = [1, 1000];

const question: Question = {
  name: 'helper-thread',
  title:
    'Many endpoints wait, and one is woken: through one helper thread, as where a runtime has no other way',
  execArgv: ['--expose-gc'],
  env: { FDCHANNEL_LOOP: 'epoll+thread' },
  axis: { label: 'waiting endpoints', points: POINTS },
  goals: [
    { side: FDCHANNEL, metric: WAKE, point: 1, atMost: 60_000 },
    { side: FDCHANNEL, metric: IDLE, point: 1000, atMost: 0.5 },
  ],
  async measure(bench) {
    const before = threads();
    const endpoints = new WaitingEndpoints();
    endpoints.grow(1);
    endpoints.wait();
    await endpoints.wake(1);
    const during = threads();
    endpoints.close();
    // A version that does not know the variable waits on Node's own loop, in no thread more.
    if (during > before) await measureWaits(bench, POINTS);
    else bench.missing({ side: FDCHANNEL, reason: 'this version does not know FDCHANNEL_LOOP' });
  },
};
export default question;

function threads(): number {
  return readdirSync('/proc/self/task').length;
}
