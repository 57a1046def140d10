// The npm package usocket, on the event loop, with one byte of data for each descriptor.
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../protocol.mjs';

const require = createRequire(import.meta.url);
const { UServer, USocket } = require('usocket');

/** Two connected sockets. */
async function pair() {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-bench-'));
  const path = join(folder, 'socket');
  const server = new UServer();
  await new Promise((resolve) => server.listen(path, resolve));
  const near = new USocket(path);
  const [far] = await Promise.all([
    new Promise((resolve) => server.on('connection', resolve)),
    new Promise((resolve) => near.on('connected', resolve)),
  ]);
  rmSync(folder, { recursive: true });
  return [near, far];
}

async function pass() {
  const [near, far] = await pair();
  const source = openSync('/dev/null', 'r');
  const data = Buffer.alloc(1);
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

/** 64 bytes with a descriptor there and back. */
async function streamEcho() {
  const [near, far] = await pair();
  const source = openSync('/dev/null', 'r');
  const data = Buffer.alloc(64, 'x');
  far.on('readable', () => {
    for (let message = far.read(64, 1); message?.data; message = far.read(64, 1)) {
      far.write(message);
      for (const fd of message.fds) closeSync(fd);
    }
  });
  let arrived;
  near.on('readable', () => {
    for (let message = near.read(64, 1); message?.data; message = near.read(64, 1)) {
      for (const fd of message.fds) closeSync(fd);
      arrived?.();
    }
  });
  for (const socket of [near, far]) socket.read(0);
  return async (count) => {
    for (let i = 0; i < count; i++) {
      await new Promise((resolve) => {
        arrived = resolve;
        near.write({ data, fds: [source] });
      });
    }
  };
}

await serve({ pass, 'pass-async': pass, 'stream-echo': streamEcho });
