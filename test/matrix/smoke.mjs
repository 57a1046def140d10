// The channel in one process, for hosts that can start no second one of their kind: node smoke.mjs DIST
import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const dist = pathToFileURL(resolve(process.argv[2], 'x'));
const { closeFD, Endpoint } = await import(new URL('index.js', dist));

for (const type of ['seqpacket', 'stream']) {
  const [a, b] = Endpoint.pair(type);
  const file = openSync(process.execPath);

  assert.equal(b.tryRecvFD(), undefined);
  assert.throws(() => b.recvFDNonblock(), { code: 'EAGAIN' });
  assert.throws(() => b.recvFD({ timeout: 1 }), { code: 'ETIMEDOUT' });
  for (let i = 0; i < 1000; i++) {
    a.sendFD(file);
    const received = b.recvFD();
    assert.equal(fstatSync(received).ino, fstatSync(file).ino);
    closeFD(received);
  }

  let count = 0;
  const receiver = (async () => {
    for await (const fd of b) {
      count++;
      closeFD(fd);
    }
  })();
  await Promise.all(Array.from({ length: 600 }, () => a.sendFDAsync(file)));
  a.shutdown();
  await receiver;
  assert.equal(count, 600);
  assert.throws(() => a.sendFD(file), { code: 'ERR_FDCHANNEL_ENDED' });

  for (const endpoint of [a, b]) endpoint.destroy();
  closeFD(file);
  console.log(`${process.platform} ${process.arch}, Node ${process.version}, ${type}: passed`);
}
