import assert from 'node:assert/strict';
import { Endpoint, type Framing, newConnectedSockets, newEndpoint } from '../../src/index.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { assertConnected } from '../support/endpoints.ts';
import { FRAMINGS } from '../support/raw.ts';
import { assertRefused, BAD_TYPE, BAD_VALUE, type Refusal } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

suite('newConnectedSockets', (test) => {
  test('makes two sockets that are connected to each other', () => {
    const [a, b] = newConnectedSockets().map(newEndpoint) as [Endpoint, Endpoint];
    assertConnected(a, b);
    for (const endpoint of [a, b]) endpoint.destroy();
  });
});

suite('Endpoint.pair', (test) => {
  for (const type of FRAMINGS) {
    test(`makes two connected endpoints, and nothing else, ${type}`, () => {
      const before = openDescriptors();
      const [a, b] = Endpoint.pair(type);
      assert.equal(openDescriptors().size, before.size + 2);
      assert.deepEqual([a.type, b.type], [type, type]);
      assertConnected(a, b);
      for (const endpoint of [a, b]) endpoint.destroy();
      assert.deepEqual(changes(before, openDescriptors()), []);
    });
  }

  test('makes what newConnectedSockets makes, where no type is asked for', () => {
    const types = newConnectedSockets().map((fd) => {
      using endpoint = newEndpoint(fd);
      return endpoint.type;
    });
    for (const [a, b] of [Endpoint.pair(), Endpoint.pair(undefined)]) {
      assert.deepEqual([a.type, b.type], types);
      assertConnected(a, b);
      for (const endpoint of [a, b]) endpoint.destroy();
    }
  });

  const refused: [type: unknown, refusal: Refusal, got: string][] = [
    ['x', BAD_VALUE, "the string 'x'"],
    ['dgram', BAD_VALUE, "the string 'dgram'"],
    ['SEQPACKET', BAD_VALUE, "the string 'SEQPACKET'"],
    ['', BAD_VALUE, "the string ''"],
    ['toString', BAD_VALUE, "the string 'toString'"],
    [5, BAD_TYPE, '5'],
    [null, BAD_TYPE, 'null'],
    [{}, BAD_TYPE, 'an object of Object'],
  ];
  for (const [type, [kind, code], got] of refused) {
    test(`refuses ${got} with the list of types, and makes nothing`, () => {
      const before = openDescriptors();
      const message = `"type": expected ${FRAMINGS.map((one) => `'${one}'`).join(' or ')}, got ${got}`;
      assertRefused(() => Endpoint.pair(type as Framing), [kind, code, { message }]);
      assert.deepEqual(changes(before, openDescriptors()), []);
    });
  }
});
