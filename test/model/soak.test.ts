import assert from 'node:assert/strict';
import { suite } from '../support/suite.ts';
import { BY_THREAD } from '../support/waits.ts';
import { campaign } from './campaign.ts';
import { printFigures, printFinding } from './report.ts';

/** How long histories begin, in milliseconds: half as long where a helper thread looks. */
const TIME = BY_THREAD ? 15_000 : 30_000;

/** As many as half a minute should see by far; the slowest machine has to come to LEAST of them. */
const MOST = 2000;
const LEAST = 50;

/** Always the same histories: other ones are what `npm run soak` is for. */
const SEED = 1;

suite('random histories of two ends', (test) => {
  test(
    `from seed ${SEED} on are all possible`,
    async () => {
      const { figures, finding } = await campaign({ seed: SEED, time: TIME, most: MOST });
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
