import assert from 'node:assert/strict';
import { closeFD, Endpoint } from '../../src/index.ts';
import { FRAMINGS } from '../support/channel.ts';
import { suite } from '../support/suite.ts';

suite('the two directions of a socket', (test) => {
  for (const framing of FRAMINGS) {
    test(`receives that never wait do not keep a send from its turn, ${framing}`, async () => {
      const [own, peer] = Endpoint.pair(framing);
      let sent = false;
      try {
        while (own.trySendFD(0));
        const send = own.sendFDAsync(0).then(() => {
          sent = true;
        });
        // The queue has room now, and the loop would tell so if it came to it.
        for (let fd = peer.tryRecvFD(); fd !== undefined; fd = peer.tryRecvFD()) closeFD(fd);
        for (let i = 0; i < 100_000 && !sent; i++) {
          peer.sendFD(0);
          closeFD(await own.recvFDAsync());
        }
        assert.ok(sent, 'the send went while receives succeeded');
        await send;
      } finally {
        own.destroy();
        peer.destroy();
      }
    });
  }
});
