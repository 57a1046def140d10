// The npm package usocket, on the event loop, with one byte of data for each descriptor.
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../protocol.mjs';

const require = createRequire(import.meta.url);
const { UServer, USocket } = require('usocket');

async function pass() {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-bench-'));
  const path = join(folder, 'socket');
  const source = openSync('/dev/null', 'r');
  const data = Buffer.alloc(1);
  const server = new UServer();
  await new Promise((resolve) => server.listen(path, resolve));
  const near = new USocket(path);
  const [far] = await Promise.all([
    new Promise((resolve) => server.on('connection', resolve)),
    new Promise((resolve) => near.on('connected', resolve)),
  ]);
  rmSync(folder, { recursive: true });
  let arrived;
  far.on('readable', () => {
    const message = far.read(1, 1);
    if (!message?.data) return;
    closeSync(message.fds[0]);
    arrived?.();
  });
  far.read(0);
  return async (count) => {
    for (let i = 0; i < count; i++) {
      await new Promise((resolve) => {
        arrived = resolve;
        near.write({ data, fds: [source] });
      });
    }
  };
}

await serve({ pass, 'pass-async': pass });
