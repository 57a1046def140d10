import assert from 'node:assert/strict';
import { closeFD, Endpoint } from '../../src/index.ts';
import { FRAMINGS } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

suite('an endpoint as an iterable', (test) => {
  for (const type of FRAMINGS) {
    test(`a loop over it gets everything, then the end, ${type}`, async () => {
      const [a, b] = Endpoint.pair(type);
      for (let i = 0; i < 3; i++) a.sendFD(0);
      a.destroy();
      let count = 0;
      for await (const fd of b) {
        closeFD(fd);
        count++;
      }
      assert.equal(count, 3);
      b.destroy();
    });
  }
});
