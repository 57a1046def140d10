import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { suite } from '../support/suite.ts';
import { campaign } from './campaign.ts';
import { printFigures, printFinding } from './report.ts';

/** How long histories begin, in milliseconds. */
const TIME = 30_000;

/** As many as half a minute should see by far; the slowest machine has to come to LEAST of them. */
const MOST = 2000;
const LEAST = 50;

const seed = randomInt(2 ** 31);

suite('random histories of two ends', (test) => {
  test(
    `from seed ${seed} on are all possible`,
    async () => {
      console.log(`the first seed is ${seed}`);
      const { figures, finding } = await campaign({ seed, time: TIME, most: MOST });
      if (finding) assert.fail(printFinding(finding));
      assert.ok(figures.histories >= LEAST, `only ${figures.histories} histories in ${TIME} ms`);
      assert.ok(
        figures.undecided < figures.histories / 20,
        `too many are undecided:\n${printFigures(figures)}`,
      );
    },
    { timeout: 180_000 },
  );
});
