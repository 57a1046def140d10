// What Node has of its own: a handle beside a message between a parent and the child that it forked.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { serve } from '../protocol.mjs';

async function roundTrip() {
  const server = createServer().listen(`\0fdchannel-bench-${process.pid}`);
  await once(server, 'listening');
  const child = fork(fileURLToPath(import.meta.url), ['echo'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let arrived;
  child.on('message', (_message, handle) => {
    handle.close();
    arrived();
  });
  return async (count) => {
    for (let i = 0; i < count; i++) {
      await new Promise((resolve) => {
        arrived = resolve;
        child.send(0, server);
      });
    }
  };
}

/** Where the bench wants the far end to run, if it cares. */
function confineFarEnd() {
  const processor = process.env.FDCHANNEL_BENCH_FAR_PROCESSOR;
  if (processor === undefined) return;
  const { status, error, stderr } = spawnSync('taskset', ['-cp', processor, `${process.pid}`]);
  if (status !== 0) throw error ?? new Error(`${stderr}`);
}

if (process.argv[2] === 'echo') {
  confineFarEnd();
  process.on('message', (message, handle) => process.send(message, handle, () => handle.close()));
  process.on('disconnect', () => process.exit());
} else {
  await serve({ 'round-trip': roundTrip });
}
