// Does one operation a number of times, under strace.
import { pendingPass, wokenPass } from './async-pass.ts';
import { fdchannel } from './fdchannel.ts';

const [, , operation = '', count] = process.argv;
const sides = {
  pass: () => fdchannel('pass'),
  'would-block': () => fdchannel('would-block'),
  pending: () => pendingPass('pending'),
  woken: () => wokenPass('woken'),
};
await sides[operation as keyof typeof sides]().batch(Number(count));
process.exit();
