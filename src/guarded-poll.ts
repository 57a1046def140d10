import { Socket } from 'node:net';
import type { LoopEvents, LoopPoll, LoopPollCallback } from './libc/binding.ts';
import type { Libc } from './libc/calls.ts';

/** What Node keeps of libuv behind a socket. It is undocumented, so nothing is taken for granted. */
interface StreamHandle {
  onread: () => void;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): unknown;
  readStop(): unknown;
  close(): void;
  ref(): void;
  unref(): void;
}

const METHODS = ['useUserBuffer', 'readStart', 'readStop', 'close', 'ref', 'unref'] as const;

/**
 * The same as koffi.node.poll, in a thread that may be terminated. koffi calls back into JavaScript that may run no
 * more, which aborts the process; a stream of Node's own then does nothing.
 *
 * The stream is one over an epoll(7) instance that looks at the socket, and it has no room to read into: libuv
 * reports that there is something, and reads nothing.
 *
 * @param fd a socket, borrowed, which is left as it is
 * @returns undefined where this Node, or this system, has no such thing
 * @throws SyscallError when `fd` is not an open socket, or at the descriptor limit
 */
export function guardedPoll(
  libc: Libc,
  fd: number,
  events: LoopEvents,
  onEvent: LoopPollCallback,
): LoopPoll | undefined {
  if (libc.abi.EPOLL_CTL_ADD === 0) return undefined;
  libc.unixSocketType(fd);
  // Node takes only what it knows as a stream, and sets O_NONBLOCK on that: so it gets a socket that nobody else has,
  // whose number is then turned to the instance, before the loop looks at it.
  const number = libc.placeholder();
  const handle = streamOf(libc, number);
  if (!handle) return undefined;

  // Should somebody close `fd`, the socket is still there to say so.
  let duplicate = -1;
  let watch: (events: number) => void;
  const close = (): void => {
    handle.close();
    if (duplicate >= 0) libc.discard(duplicate);
  };
  try {
    duplicate = libc.duplicate(fd);
    watch = libc.epoll(number, duplicate, bits(events));
  } catch (error) {
    close();
    throw error;
  }

  let asked = events;
  handle.onread = () => onEvent(0, asked);
  handle.readStart();
  return {
    start(others) {
      asked = others;
      watch(bits(others));
      handle.readStart();
    },
    stop: () => void handle.readStop(),
    close,
    ref: () => handle.ref(),
    unref: () => handle.unref(),
  };

  function bits({ readable, writable }: LoopEvents): number {
    const { POLLIN, POLLOUT } = libc.abi;
    return (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
  }
}

/** A stream that owns `number` and does not read from it; undefined, and the number closed, where there is none. */
function streamOf(libc: Libc, number: number): StreamHandle | undefined {
  let socket: Socket;
  try {
    socket = new Socket({ fd: number, readable: true, writable: false });
  } catch (error) {
    libc.discard(number);
    throw error;
  }
  const handle = Reflect.get(socket, '_handle') as StreamHandle | null | undefined;
  if (!handle || METHODS.some((name) => typeof handle[name] !== 'function')) {
    socket.destroy();
    return undefined;
  }
  handle.readStop();
  handle.useUserBuffer(new Uint8Array(0));
  return handle;
}
