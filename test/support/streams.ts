import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { UnixStream } from '../../src/index.ts';

/** What net.Socket and UnixStream have in common. */
export type Common = Socket | UnixStream;

export interface StreamOptions {
  readonly allowHalfOpen?: boolean;
  readonly highWaterMark?: number;
}

export interface Kind {
  readonly name: string;
  connect(path: string, options?: StreamOptions): Common;
}

export const NET: Kind = {
  name: 'net.Socket',
  connect: (path, options) => connect({ path, ...options }),
};

export const OURS: Kind = {
  name: 'UnixStream',
  connect: (path, options) => UnixStream.connect(path, options),
};

export async function withFolder<T>(body: (folder: string) => T): Promise<Awaited<T>> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-stream-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A server of Node's own, on whose side nothing happens by itself. */
export async function withServer<T>(
  body: (path: string, accepted: () => Promise<Socket>) => T,
): Promise<Awaited<T>> {
  return await withFolder(async (folder) => {
    const path = join(folder, 'socket');
    const peers: Socket[] = [];
    const waiting: ((peer: Socket) => void)[] = [];
    const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (peer) => {
      peer.on('error', () => {});
      all.push(peer);
      const next = waiting.shift();
      if (next) next(peer);
      else peers.push(peer);
    });
    const all: Socket[] = [];
    server.listen(path);
    await once(server, 'listening');
    try {
      return await body(path, async () => peers.shift() ?? new Promise((resolve) => waiting.push(resolve)));
    } finally {
      for (const peer of all) peer.destroy();
      server.close();
      await once(server, 'close');
    }
  });
}

const EVENTS = ['connect', 'ready', 'end', 'finish', 'drain', 'timeout', 'close', 'error'] as const;

/** Writes down what a stream emits, in its order. */
export class Log {
  readonly entries: string[] = [];

  constructor(stream: Common) {
    for (const event of EVENTS) {
      stream.on(event, (value?: unknown) => this.note(event, event === 'ready' ? undefined : value));
    }
  }

  note(what: string, value?: unknown): void {
    const code = value instanceof Error ? ((value as NodeJS.ErrnoException).code ?? value.message) : value;
    this.entries.push(code === undefined ? what : `${what} ${code}`);
  }

  /** Writes down data; chunks are put together as their borders are nobody's. */
  data(stream: Common): this {
    stream.on('data', (chunk: Buffer) => {
      const last = this.entries.at(-1);
      if (last?.startsWith('data ')) this.entries[this.entries.length - 1] = last + chunk.toString();
      else this.note('data', chunk.toString());
    });
    return this;
  }

  /** What the stream says of itself. */
  state(stream: Common): void {
    const { connecting, pending, readyState, bytesRead, bytesWritten, writableLength, destroyed } = stream;
    this.note(
      JSON.stringify({ connecting, pending, readyState, bytesRead, bytesWritten, writableLength, destroyed }),
    );
  }
}

/** Everything that a stream gives until its end. */
export async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Waits until something holds that the event loop brings about. The suite's own deadline ends it. */
export async function settled(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}
