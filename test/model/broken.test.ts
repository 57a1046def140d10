import assert from 'node:assert/strict';
import { suite } from '../support/suite.ts';
import { BROKEN, closeLeaked } from './broken.ts';
import { campaign } from './campaign.ts';
import { withPool } from './pool.ts';
import { printFinding } from './report.ts';
import { run } from './run.ts';

/** More histories than it takes to find any of these faults; most take twenty. */
const MOST = 600;

suite('the model finds', (test) => {
  for (const row of BROKEN) {
    test(
      `${row.name}, and shrinks that to a handful of steps`,
      async () => {
        const { finding } = await campaign({
          seed: 1,
          time: 60_000,
          most: MOST,
          rows: [row],
          places: ['main', 'main'],
          patience: { answer: 3000, closing: 1000 },
          shrinking: 8000,
        }).finally(closeLeaked);
        assert.ok(finding, `${MOST} histories, and nothing was found`);
        const { short } = finding;
        assert.ok(short.history.steps.length <= 5, printFinding(finding));
        // A sound end does nothing of the kind.
        const { fault } = await withPool((pool) =>
          run({ ...short.history, row: 'endpoint/seqpacket' }, pool),
        );
        assert.equal(fault, undefined);
      },
      { timeout: 120_000 },
    );
  }
});
