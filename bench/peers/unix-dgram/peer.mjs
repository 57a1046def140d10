// The npm package unix-dgram, on the event loop.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../protocol.mjs';

const require = createRequire(import.meta.url);
const { createSocket } = require('unix-dgram');

async function datagram() {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-bench-'));
  const path = join(folder, 'socket');
  const data = Buffer.alloc(64, 'x');
  let arrived;
  const server = createSocket('unix_dgram', () => arrived?.());
  server.bind(path);
  const client = createSocket('unix_dgram');
  client.connect(path);
  rmSync(folder, { recursive: true });
  return async (count) => {
    for (let i = 0; i < count; i++) {
      await new Promise((resolve) => {
        arrived = resolve;
        client.send(data);
      });
    }
  };
}

await serve({ datagram });
