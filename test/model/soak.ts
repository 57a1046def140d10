/**
 * Lets random histories happen to pairs of ends, for as long as one likes:
 *
 *     npm run soak -- [--seconds N] [--seed S] [--row NAME] [--places A,B] [--verbose]
 *     npm run soak -- --replay FILE [--times N]
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startWatchdog, unwatch, watch } from '../support/deadline.ts';
import { campaign } from './campaign.ts';
import { type History, PLACES, type Place } from './history.ts';
import { withPool } from './pool.ts';
import { printFigures, printFinding } from './report.ts';
import { ROWS } from './rows.ts';
import { run } from './run.ts';

/** How long one history may take, and to make it shorter, in milliseconds. Who takes longer has blocked the thread. */
const PATIENCE = 300_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    row: { type: 'string' },
    places: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    replay: { type: 'string' },
    times: { type: 'string', default: '20' },
  },
});

process.exitCode = values.replay === undefined ? await soak() : await replay(values.replay);

async function soak(): Promise<number> {
  const seed = values.seed === undefined ? randomInt(2 ** 31) : number('seed', values.seed);
  const time = number('seconds', values.seconds) * 1000;
  console.log(`the first seed is ${seed}`);
  await startWatchdog();
  const { figures, finding } = await campaign({
    seed,
    time,
    rows: values.row === undefined ? ROWS : [rowOf(values.row)],
    ...(values.places !== undefined && { places: placesOf(values.places) }),
    onHistory(each: number, { row, places }: History) {
      const what = `seed ${each}: ${row}, ${places}`;
      watch(what, PATIENCE);
      // A crash says nothing: the last line does.
      if (values.verbose) console.log(what);
    },
  });
  unwatch();
  console.log(printFigures(figures));
  if (finding) console.log(`\n${printFinding(finding)}`);
  return finding ? 1 : 0;
}

async function replay(file: string): Promise<number> {
  const history: History = JSON.parse(readFileSync(file, 'utf8'));
  const times = number('times', values.times);
  let failed = 0;
  await withPool(async (pool) => {
    for (let i = 1; i <= times; i++) {
      const { fault, trace } = await run(history, pool);
      if (!fault) continue;
      if (failed++ === 0) console.log(`${fault.kind}: ${fault.message}\n${trace}`);
    }
  });
  console.log(`failed ${failed} of ${times} times`);
  return failed > 0 ? 1 : 0;
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new Error(`--${name}: expected a whole number, got ${text}`);
  return value;
}

function rowOf(name: string): (typeof ROWS)[number] {
  const row = ROWS.find((candidate) => candidate.name === name);
  if (row) return row;
  throw new Error(`--row: expected one of ${ROWS.map((each) => each.name).join(', ')}, got ${name}`);
}

function placesOf(text: string): readonly [Place, Place] {
  const [a, b, ...others] = text.split(',').map((name) => PLACES.find((place) => place === name));
  if (a && b && others.length === 0) return [a, b];
  throw new Error(`--places: expected two of ${PLACES.join(', ')} with a comma between, got ${text}`);
}
