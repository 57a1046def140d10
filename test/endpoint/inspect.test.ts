import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import * as threads from 'node:worker_threads';
import { closeFD, Endpoint } from '../../src/index.ts';
import { assertConnected, withPair } from '../support/endpoints.ts';
import { FRAMINGS } from '../support/raw.ts';
import { assertRejects, ENDED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

/** How the parts of an object look that `inspect` shows. */
const shows = (name: string, fd: number, type: string, state: string): string =>
  `${name} { fd: ${fd}, type: '${type}', state: '${state}' }`;

for (const framing of FRAMINGS) {
  suite(`what is printed of an endpoint, ${framing}`, (test) => {
    test('its descriptor, type and state, and nothing else', () =>
      withPair(framing, (a, b) => {
        assert.equal(inspect(a), shows('Endpoint', a.fd, framing, 'open'));
        a.destroy();
        assert.equal(inspect(a), shows('Endpoint', -1, framing, 'destroyed'));
        closeFD(b.detach());
        assert.equal(inspect(b), shows('Endpoint', -1, framing, 'detached'));
        b.destroy();
        assert.equal(inspect(b), shows('Endpoint', -1, framing, 'detached'));
      }));

    test('the same while something waits, and after a shutdown', () =>
      withPair(framing, async (a) => {
        const wait = assertRejects(a.recvFDAsync(), ENDED);
        const waiting = inspect(a);
        a.shutdown();
        assert.deepEqual([waiting, inspect(a)], Array(2).fill(shows('Endpoint', a.fd, framing, 'open')));
        await wait;
      }));

    test('the name of a subclass', () => {
      class Door extends Endpoint {}
      class Gate extends Door {}
      const [a, b] = Endpoint.pair(framing).map((endpoint) => endpoint.detach()) as [number, number];
      const endpoints = [new Door(a), new Gate(b)];
      const texts = endpoints.map((endpoint) => inspect(endpoint));
      for (const endpoint of endpoints) endpoint.destroy();
      assert.deepEqual(texts, [shows('Door', a, framing, 'open'), shows('Gate', b, framing, 'open')]);
    });

    test('the same inside of other objects, and in colours where these are asked for', () =>
      withPair(framing, (a) => {
        assert.equal(inspect([a]), `[ ${shows('Endpoint', a.fd, framing, 'open')} ]`);
        assert.ok(inspect(a, { colors: true }).includes(inspect(a.fd, { colors: true })));
      }));

    test('something, and no exception, of what is only made after an endpoint', () =>
      withPair(framing, (a) => {
        for (const [what, value] of [
          ['its prototype', Endpoint.prototype],
          ['an object that inherits from it', Object.create(a)],
          ['an object that inherits from its class', Object.create(Endpoint.prototype)],
          ['a proxy', new Proxy(a, {})],
        ] as const)
          assert.doesNotThrow(() => inspect(value), what);
      }));

    test('its type is a property, before and after its end', () =>
      withPair(framing, (a) => {
        assert.equal(a.type, framing);
        a.destroy();
        assert.equal(a.type, framing);
      }));
  });

  suite(`an endpoint that is posted to a thread, ${framing}`, (test) => {
    const calls: [name: string, clone: (value: unknown) => unknown][] = [
      ['structuredClone', (value) => structuredClone(value)],
      [
        'postMessage',
        (value) => {
          const { port1, port2 } = new threads.MessageChannel();
          try {
            port1.postMessage(value);
          } finally {
            port1.close();
            port2.close();
          }
        },
      ],
    ];
    for (const [name, clone] of calls) {
      test(`${name} throws a DataCloneError, and the endpoint goes on`, () =>
        withPair(framing, (a, b) => {
          if (!('markAsUncloneable' in threads)) skip(`Node ${process.version} cannot mark objects so`);
          for (const value of [a, { deep: [a] }])
            assert.throws(() => clone(value), { name: 'DataCloneError', code: 25 });
          assertConnected(a, b);
        }));
    }
  });
}
