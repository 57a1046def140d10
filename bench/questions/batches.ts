import { closeFDs } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Bench, Side } from '../harness/question.ts';
import { timed } from '../harness/timed.ts';
import { BARE_KOFFI, barePass } from '../sides/bare-koffi.ts';
import { channel, pass } from '../sides/fdchannel.ts';

const MANY = 'fdchannel, in batches';
const ONE = 'fdchannel, one by one';
const C_MANY = 'C, in batches';

export default timed({
  name: 'batches',
  title: 'One descriptor of many that are sent, received and closed together',
  axis: { label: 'descriptors at a time', points: [1, 2, 4, 8, 16, 32, 64, 128] },
  goals: [
    { side: MANY, base: ONE, point: 1, atMost: 1.05 },
    ...[8, 64].flatMap((point) => [
      { side: MANY, base: 'C', point, atMost: 0.8 },
      { side: MANY, base: C_MANY, point, atMost: 1.12 },
    ]),
  ],
  bases: ['C', C_MANY, ONE],
  sides: async (bench, point) => [
    ...(await bench.floor('pass')),
    ...(await inBatches(bench, C_MANY, `pass-many-${point}`, point)),
    ...(await inBatches(bench, 'C, in batches, two threads', `pass-many-${point}-threaded`, point)),
    ...(await bench.peers('pass-beside-batches')),
    ...(await bench.attempt(BARE_KOFFI, barePass)),
    pass(ONE),
    passMany(MANY, point),
  ],
});

async function inBatches(bench: Bench, name: string, operation: string, point: number): Promise<Side[]> {
  return (await bench.floor(operation, name)).map((side) => whole(side, point));
}

/** A side that does so many together: it is asked for whole batches, and one of many has no time of its own. */
function whole(side: Side, atOnce: number): Side {
  return {
    name: side.name,
    async batch(count) {
      const asked = Math.ceil(count / atOnce) * atOnce;
      return ((await side.batch(asked)) * count) / asked;
    },
    each: () => [],
    close: () => side.close?.(),
  };
}

/** Send, receive and close, so many at a time. */
function passMany(name: string, atOnce: number): Side {
  const { near, far, source, close } = channel();
  const sources = Array<number>(atOnce).fill(source);
  const options = { max: atOnce };
  const side = local({
    name,
    run(count) {
      for (let done = 0; done < count; done += atOnce) {
        near.sendFDs(sources);
        for (let left = atOnce; left > 0; ) {
          const fds = far.recvFDs(options);
          closeFDs(fds);
          left -= fds.length;
        }
      }
    },
    close,
  });
  return whole(side, atOnce);
}
