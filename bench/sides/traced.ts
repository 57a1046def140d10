// Does one operation a number of times, under strace.
import { pass, pendingPass, wokenPass, wouldBlock } from './fdchannel.ts';

const sides = { pass, 'would-block': wouldBlock, pending: pendingPass, woken: wokenPass };
const [, , operation = '', count] = process.argv;
await sides[operation as keyof typeof sides](operation).batch(Number(count));
process.exit();
