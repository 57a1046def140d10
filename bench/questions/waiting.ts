import { fileURLToPath } from 'node:url';
import { connectPeer } from '../harness/peer.ts';
import type { Question } from '../harness/question.ts';
import { FDCHANNEL } from '../sides/fdchannel.ts';
import { HEAP, IDLE, measureWaits, NEVER_WAITED, WAITING, WAKE } from '../sides/waits.ts';

const EPOLL = 'C, epoll';
const ALONE = 'fdchannel, one waiting';
const ALONE_PROCESS = new URL('../sides/alone.js', import.meta.url);
const POINTS = [1, 100, 1000, 4000];
const MOST = 4000;

const question: Question = {
  name: 'waiting',
  title: 'Many endpoints wait on one event loop, and one is woken',
  execArgv: ['--expose-gc'],
  axis: { label: 'waiting endpoints', points: POINTS },
  goals: [
    { side: FDCHANNEL, metric: WAKE, base: ALONE, point: MOST, atMost: 1.4 },
    { side: FDCHANNEL, metric: HEAP, point: MOST, atMost: 1500 },
    { side: FDCHANNEL, metric: NEVER_WAITED, point: MOST, atMost: 0 },
    { side: FDCHANNEL, metric: WAITING, point: MOST, atMost: 1 },
    { side: FDCHANNEL, metric: IDLE, point: MOST, atMost: 0.5 },
  ],
  measure: (bench) =>
    measureWaits(
      bench,
      POINTS,
      async (point) => [
        ...(await bench.floor(`wake-${point}`, EPOLL)),
        // The wake alone takes its turns beside the wake among many, in a process whose loop watches nothing else.
        ...(await bench.attempt(ALONE, (name) =>
          connectPeer({ name, command: [process.execPath, fileURLToPath(ALONE_PROCESS)] }, 'wake'),
        )),
      ],
      [EPOLL, ALONE],
    ),
};
export default question;
