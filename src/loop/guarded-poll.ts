import { Socket } from 'node:net';
import type { LoopPoll, LoopPollCallback } from '../libc/binding.ts';
import type { Libc } from '../libc/calls.ts';
import { epoll, placeholder } from '../libc/polls.ts';
import { socketType } from '../libc/sockets.ts';

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
 * Polls as koffi.node.poll does, for worker threads. After worker.terminate() koffi would still call JavaScript, which
 * aborts the process; Node's own streams stay silent. So a net.Socket watches an epoll(7) instance, which watches the
 * socket. Its read buffer is empty: libuv reports readiness and reads nothing.
 *
 * @param fd a socket, borrowed, which is left as it is
 * @returns undefined where this Node has no such stream, or this system no epoll(7)
 * @throws SyscallError when `fd` is not an open socket, or at the descriptor limit
 */
export function guardedPoll(
  libc: Libc,
  fd: number,
  events: number,
  onEvent: LoopPollCallback,
): LoopPoll | undefined {
  if (libc.abi.EPOLL_CTL_ADD === 0) return undefined;
  socketType(libc, fd);
  // net.Socket accepts only stream descriptors, and sets O_NONBLOCK on them. So it is given a placeholder socket; dup3
  // then puts the epoll instance behind the same number, before the loop first polls it.
  const number = placeholder(libc);
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
    watch = epoll(libc, number, duplicate, events);
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
      watch(others);
      handle.readStart();
    },
    stop: () => void handle.readStop(),
    close,
    ref: () => handle.ref(),
    unref: () => handle.unref(),
  };
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
