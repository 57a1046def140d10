import { Socket } from 'node:net';
import type { Libc } from '../libc/calls.ts';
import { placeholder } from '../libc/polls.ts';

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
 * A descriptor in the hands of a stream of Node's own, which looks at it in each turn of this thread's event loop.
 *
 * The stream has no room to read into: libuv reports that there is something, and reads nothing. What it calls is a
 * callback as Node's own are, so it does nothing in a thread that is being ended, and is closed with the thread.
 */
export class StreamWatch {
  /** The number of the descriptor, to be redirected to what shall be watched. */
  readonly fd: number;
  readonly eachTurn: boolean = true;
  readonly #handle: StreamHandle;

  private constructor(fd: number, handle: StreamHandle) {
    this.fd = fd;
    this.#handle = handle;
  }

  /**
   * @param serve is called once in each turn of the loop in which there is something to read
   * @returns undefined where this Node has no such stream
   */
  static open(libc: Libc, serve: () => void): StreamWatch | undefined {
    // Node takes only what it knows as a stream, and sets O_NONBLOCK on that: so it gets a socket that nobody else has.
    const fd = placeholder(libc);
    let socket: Socket;
    try {
      socket = new Socket({ fd, readable: true, writable: false });
    } catch (error) {
      libc.discard(fd);
      throw error;
    }
    // It begins to read by itself, which fails where a part is missing.
    socket.on('error', () => {});
    const handle = Reflect.get(socket, '_handle') as StreamHandle | null | undefined;
    if (!handle || METHODS.some((name) => typeof handle[name] !== 'function')) {
      socket.destroy();
      return undefined;
    }
    handle.readStop();
    handle.useUserBuffer(new Uint8Array(0));
    handle.unref();
    handle.onread = serve;
    return new StreamWatch(fd, handle);
  }

  /** Begins to look, at what the number refers to by now. */
  start(): void {
    this.#handle.readStart();
  }

  /** Nothing has to be told: it looks at its descriptor all the time, which costs nothing while that is not ready. */
  look(): void {}

  rest(): void {}

  changed(): void {}

  keepAlive(yes: boolean): void {
    if (yes) this.#handle.ref();
    else this.#handle.unref();
  }

  close(): void {
    this.#handle.close();
  }
}
