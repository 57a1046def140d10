import assert from 'node:assert/strict';
import { Endpoint, newConnectedSockets } from '../../src/index.ts';
import { assertRefused, assertWorks, BAD_TYPE, FRAMINGS, type Refusal } from '../support/channel.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { suite } from '../support/suite.ts';

const BAD_VALUE: Refusal = [TypeError, 'ERR_INVALID_ARG_VALUE'];

suite('Endpoint.pair', (test) => {
  for (const framing of FRAMINGS) {
    test(`makes two connected endpoints, ${framing}`, () => {
      const before = openDescriptors();
      const pair = Endpoint.pair(framing);
      assert.equal(pair.length, 2);
      const [a, b] = pair;
      assert.deepEqual([a.type, b.type], [framing, framing]);
      assert.equal(openDescriptors().size, before.size + 2);
      assertWorks(a, b);
      a.destroy();
      b.destroy();
      assert.deepEqual(changes(before, openDescriptors()), []);
    });
  }

  test('makes what newConnectedSockets makes, where no type is asked for', () => {
    const types = newConnectedSockets().map((fd) => {
      const endpoint = new Endpoint(fd);
      endpoint.destroy();
      return endpoint.type;
    });
    for (const pair of [Endpoint.pair(), Endpoint.pair(undefined)]) {
      assert.deepEqual(
        pair.map(({ type }) => type),
        types,
      );
      assertWorks(...pair);
      for (const endpoint of pair) endpoint.destroy();
    }
  });

  test('refuses other types, and makes nothing', () => {
    const before = openDescriptors();
    const refused: [value: unknown, refusal: Refusal][] = [
      ['dgram', BAD_VALUE],
      ['SEQPACKET', BAD_VALUE],
      ['', BAD_VALUE],
      ['toString', BAD_VALUE],
      [5, BAD_TYPE],
      [null, BAD_TYPE],
      [{}, BAD_TYPE],
    ];
    for (const [value, refusal] of refused)
      assertRefused(() => Endpoint.pair(value as 'stream'), refusal, String(value));
    assert.deepEqual(changes(before, openDescriptors()), []);
  });
});
