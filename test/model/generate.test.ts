import assert from 'node:assert/strict';
import { suite } from '../support/suite.ts';
import type { Row } from './ends.ts';
import { generate } from './generate.ts';
import { countOf, PLACES, printHistory, RECEIVE_FORMS, SEND_FORMS } from './history.ts';
import { ROWS } from './rows.ts';

const HISTORIES = Array.from({ length: 3000 }, (_, seed) => generate(seed));

suite('generated histories', (test) => {
  test('are the same for the same seed, and different for another one', () => {
    for (const seed of [0, 1, 2 ** 31, 2 ** 32 - 1]) assert.deepEqual(generate(seed), generate(seed));
    const printed = new Set(HISTORIES.map(printHistory));
    assert.ok(printed.size > 0.99 * HISTORIES.length, `${printed.size} of ${HISTORIES.length} are different`);
  });

  test('come back from what is printed', () => {
    for (const history of HISTORIES.slice(0, 100)) {
      assert.deepEqual(JSON.parse(printHistory(history)), history);
    }
    const empty = { row: 'endpoint/stream', places: ['main', 'main'], steps: [] } as const;
    assert.deepEqual(JSON.parse(printHistory(empty)), empty);
  });

  test('have every row, every place and every kind of step', () => {
    const steps = HISTORIES.flatMap((history) => history.steps);
    assert.deepEqual(new Set(HISTORIES.map(({ row }) => row)), new Set(ROWS.map(({ name }) => name)));
    assert.deepEqual(new Set(HISTORIES.flatMap(({ places }) => places)), new Set(PLACES));
    const kinds = new Set(steps.map((step) => step.do));
    assert.deepEqual(
      kinds,
      new Set([
        ...['send', 'receive', 'lie', 'abort', 'shutdown', 'shutdown from main', 'destroy', 'readopt'],
        ...['ref', 'unref', 'exhaust', 'relieve', 'kill', 'pause', 'resume', 'storm', 'turns', 'settle'],
      ]),
    );
    for (const place of PLACES) {
      const there = HISTORIES.filter(({ places }) => places[0] === place).flatMap((history) => history.steps);
      const own = there.filter((step) => 'end' in step && step.end === 0);
      const forms = (kind: string): Set<unknown> =>
        new Set(own.flatMap((step) => (step.do === kind && 'form' in step ? [step.form] : [])));
      assert.deepEqual(forms('send'), new Set(SEND_FORMS), place);
      assert.deepEqual(forms('receive'), new Set(RECEIVE_FORMS), place);
    }
    assert.ok(
      steps.some((step) => countOf(step) > 278),
      'more calls than a socket has room for',
    );
  });

  test('are of the rows and places that were asked for', () => {
    const [, only] = ROWS as readonly [Row, Row];
    for (let seed = 0; seed < 200; seed++) {
      const { row, places } = generate(seed, { rows: [only], places: ['worker', 'process'] });
      assert.deepEqual([row, places], [only.name, ['worker', 'process']]);
    }
  });
});
