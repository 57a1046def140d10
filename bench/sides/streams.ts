import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { closeFD, UnixSocket, UnixStream } from '../../src/index.ts';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';

export const NET = 'net.Socket';
export const STREAM = 'UnixStream';

type Duplex = Socket | UnixStream;

const makers: Readonly<Record<string, (socket: UnixSocket) => Duplex>> = {
  [NET]: (socket) => new Socket({ fd: socket.detach() }),
  [STREAM]: (socket) => new UnixStream(socket),
};

/** Two connected streams of a kind over the same kind of socket pair. */
function streamPair(name: string): [Duplex, Duplex] {
  const [near, far] = UnixSocket.pair('stream').map(makers[name] as (socket: UnixSocket) => Duplex);
  return [near, far] as [Duplex, Duplex];
}

/** Counts bytes, and tells when so many have come. */
class Arrivals {
  #left = 0;
  #resolve: (() => void) | undefined;

  constructor(stream: Duplex) {
    stream.on('data', ({ length }: Buffer) => {
      this.#left -= length;
      if (this.#left === 0) this.#resolve?.();
    });
  }

  next(bytes: number): Promise<void> {
    this.#left += bytes;
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }
}

/** Writes bytes, and waits for what the other stream sends back: all of them. */
export function streamEcho(name: string, bytes: number): Side {
  const [near, far] = streamPair(name);
  far.on('data', (data) => far.write(data));
  return echo(name, bytes, near, far, (data) => near.write(data));
}

/** The same with a descriptor in each message, there and back, which is closed. */
export function descriptorEcho(name: string, bytes: number): Side {
  const [near, far] = streamPair(STREAM) as [UnixStream, UnixStream];
  const source = openSync('/dev/null', 'r');
  let fds: number[] = [];
  far.on('fds', (came: number[]) => {
    fds = came;
  });
  far.on('data', (data) => {
    far.writeWithFds(data, fds);
    for (const fd of fds) closeFD(fd);
  });
  near.on('fds', (came: number[]) => came.forEach(closeFD));
  near.once('close', () => closeSync(source));
  return echo(name, bytes, near, far, (data) => near.writeWithFds(data, [source]));
}

function echo(
  name: string,
  bytes: number,
  near: Duplex,
  far: Duplex,
  write: (data: Buffer) => unknown,
): Side {
  const arrivals = new Arrivals(near);
  const data = Buffer.alloc(bytes, 'x');
  return local({
    name,
    async run(count) {
      for (let i = 0; i < count; i++) {
        const arrival = arrivals.next(bytes);
        write(data);
        await arrival;
      }
    },
    close() {
      near.destroy();
      far.destroy();
    },
  });
}

/** Writes chunks as long as the stream takes them, until the other one has read all. */
export function streamBytes(name: string, bytes: number): Side {
  const [near, far] = streamPair(name);
  const arrivals = new Arrivals(far);
  const chunk = Buffer.alloc(bytes, 'x');
  return local({
    name,
    async run(count) {
      const arrival = arrivals.next(count * bytes);
      for (let i = 0; i < count; i++) {
        if (!near.write(chunk)) await new Promise((resolve) => near.once('drain', resolve));
      }
      await arrival;
    },
    close() {
      near.destroy();
      far.destroy();
    },
  });
}
