import assert from 'node:assert/strict';
import type { Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import {
  connect,
  createServer,
  type ListenOptions,
  type NetConnectOpts,
  type Server,
  Socket,
} from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDescriptors } from './descriptors.ts';

/** What `make` made, and the one descriptor that it opened. */
export async function opening<T>(make: () => T | Promise<T>): Promise<[made: T, fd: number]> {
  const before = openDescriptors();
  const made = await make();
  const opened = [...openDescriptors().keys()].filter((fd) => !before.has(fd));
  assert.equal(opened.length, 1, `it opened ${opened.join(', ')}`);
  return [made, opened[0] as number];
}

export async function ready<T extends NodeJS.EventEmitter>(emitter: T, event: string): Promise<T> {
  await once(emitter, event);
  return emitter;
}

export async function closed(object: Server | Socket | DatagramSocket): Promise<void> {
  const done = once(object, 'close');
  if (object instanceof Socket) object.destroy();
  else object.close();
  await done;
}

/** Runs `body` with a path at which nothing is. */
export async function withPath(body: (path: string) => unknown): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  try {
    await body(join(folder, 'socket'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs `body` with the two ends of a connection, of which nothing was read. */
export async function withConnection(
  listen: ListenOptions,
  body: (client: Socket, accepted: Socket) => unknown,
): Promise<void> {
  const server = createServer({ pauseOnConnect: true }).listen(listen);
  await once(server, 'listening');
  const address = server.address();
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const where = typeof address === 'string' ? { path: address } : address;
  const client = await ready(connect(where as NetConnectOpts), 'connect');
  const [accepted] = await accepting;
  try {
    await body(client, accepted);
  } finally {
    await Promise.all([closed(client), closed(accepted), closed(server)]);
  }
}
