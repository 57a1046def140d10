import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { Arrivals } from './arrivals.ts';
import { BareEndpoint, calls, close, socketpair } from './bare-endpoint.ts';
import { STRIDE } from './waiting-endpoints.ts';

const SOCK_STREAM = 1;
const O_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;

/** The part of Node's handle that watches. */
interface Handle {
  onread: () => void;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): void;
  readStop(): void;
}

/**
 * Has Node's loop look at sockets as the library does, without the library: a stream of Node's own watches an epoll(7)
 * instance, which says what is ready, unless there is one socket only.
 *
 * @param onReady gets the socket's index
 */
export function watchOnLoop(sockets: readonly number[], onReady: (index: number) => void): { close(): void } {
  const c = calls();
  const [fd, other] = socketpair(SOCK_STREAM);
  const socket = new Socket({ fd, readable: true, writable: false });
  const handle = Reflect.get(socket, '_handle') as Handle;
  handle.readStop();
  handle.useUserBuffer(new Uint8Array(0));
  // On x64 an event has 12 bytes: what, and 8 of data behind it. Elsewhere the data is aligned.
  const event = new Int32Array(process.arch === 'x64' ? 3 : 4);
  const data = event.length - 2;
  const address = c.address(event.buffer);
  const set = checked(c.epoll_create1(O_CLOEXEC));
  event[0] = EPOLLIN;
  for (const [index, socket] of sockets.entries()) {
    event[data] = index;
    checked(c.epoll_ctl(set, EPOLL_CTL_ADD, socket, address));
  }
  checked(c.dup3(set, fd, O_CLOEXEC));
  close(other);
  handle.onread = () => {
    if (sockets.length === 1) onReady(0);
    else if (checked(c.epoll_wait(set, address, 1, 0)) === 1) onReady(event[data] as number);
  };
  handle.readStart();
  return {
    close() {
      socket.destroy();
      close(set);
    },
  };
}

function checked(result: number): number {
  if (result < 0) throw new Error(`errno ${calls().errno()}`);
  return result;
}

/** One after the other of many sockets is sent a descriptor, and the loop says which. */
export function bareWake(name: string, count: number): Side {
  const pairs = Array.from({ length: count }, () => socketpair());
  const source = openSync('/dev/null', 'r');
  const [sender, receiver] = [new BareEndpoint(-1), new BareEndpoint(-1)];
  const arrivals = new Arrivals<number>();
  const watch = watchOnLoop(
    pairs.map(([near]) => near),
    (index) => {
      receiver.fd = (pairs[index] as [number, number])[0];
      arrivals.bring(receiver.tryReceive());
    },
  );
  let at = 0;
  return local({
    name,
    async run(wakes) {
      for (let i = 0; i < wakes; i++) {
        const arrival = arrivals.next();
        at = (at + STRIDE) % count;
        sender.fd = (pairs[at] as [number, number])[1];
        sender.send(source);
        close(await arrival);
      }
    },
    close() {
      watch.close();
      for (const pair of pairs) pair.forEach(close);
      closeSync(source);
    },
  });
}
