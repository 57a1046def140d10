import { EventEmitter } from 'node:events';
import { checkCount } from '../../arguments.ts';
import { ChannelError, invalidArgType, SyscallError } from '../../errors.ts';
import { SocketAddress } from '../../libc/address.ts';
import { type Libc, libc } from '../../libc/calls.ts';
import { bind, connect, LONGEST, socket } from '../../libc/sockets.ts';
import { UnixSocket } from '../../unix-socket.ts';

/** Where a message came from. */
export interface ReceivedInfo {
  readonly size: number;
  readonly address: object;
  /** The path to which the sender is bound; null for one that is not. */
  readonly path: string | null;
}

type Callback = (error?: Error) => void;

/** What `send` calls back with while the receiver is full. */
const CONGESTION = 1;

/**
 * The socket of the npm package unix-dgram 2.0.
 *
 * Emits `'listening'`, `'connect'`, `'message'`, `'congestion'`, `'writable'` and `'error'`. As the original does, it
 * emits what an own call brings about, and calls back, before that call returns.
 */
export class DatagramSocket extends EventEmitter {
  readonly type: string = 'unix_dgram';
  connected = false;
  readonly #libc: Libc;
  readonly #socket: Datagrams;
  #congested = false;

  constructor() {
    super();
    this.#libc = libc();
    this.#socket = new Datagrams(socket(this.#libc, 'dgram'));
    this.#receive();
  }

  /** The socket's descriptor; -1 once it is closed. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** Receives at a path, whose file stays when the socket is closed. */
  bind(path: string): void {
    if (this.#name('bind', path, bind)) this.emit('listening');
  }

  /** Sends to a path what is sent without one. */
  connect(path: string): void {
    if (!this.#name('connect', path, connect)) return;
    this.connected = true;
    this.emit('connect');
  }

  /**
   * Sends a message: to the path that the socket is connected to, or to one that is given.
   *
   * While the receiver is full, a connected socket says so by the error `congestion`, or without a callback by the event
   * `'congestion'`, and emits `'writable'` afterwards. Other errors go to the callback, or are emitted.
   */
  send(buffer: Uint8Array, callback?: Callback): void;
  send(buffer: Uint8Array, offset: number, length: number, path?: string | null, callback?: Callback): void;
  send(buffer: Uint8Array, ...others: unknown[]): void {
    const callback = others.find((one) => typeof one === 'function') as Callback | undefined;
    const path = others.find((one) => typeof one === 'string');
    const data = part(buffer, others);
    const error = this.#send(data, path);
    if (callback) callback(error);
    else if (error && Reflect.get(error, 'code') === CONGESTION) this.emit('congestion', buffer);
    else if (error) this.emit('error', error);
  }

  sendto(buffer: Uint8Array, offset: number, length: number, path: string, callback?: Callback): void {
    this.send(buffer, offset, length, path, callback);
  }

  /** The name that the original's documentation has for {@link sendto}. */
  send_to(buffer: Uint8Array, offset: number, length: number, path: string, callback?: Callback): void {
    this.send(buffer, offset, length, path, callback);
  }

  /**
   * Closes the socket, in any handler, too. No event follows.
   *
   * @throws Error for a socket that is closed
   */
  close(): void {
    if (this.fd < 0) throw failed(this.#libc.refusal('EBADF', 'close'), 'close');
    this.#socket.destroy();
  }

  #send(data: Uint8Array, path: string | undefined): Error | undefined {
    try {
      const sent =
        path === undefined
          ? this.#socket.trySendParts([data], data.length, [])
          : this.#socket.trySendMessage(data, [], { to: path });
      if (sent !== undefined) return undefined;
    } catch (error) {
      if (!isFull(error)) return failed(error, 'send');
    }
    // A poll says when the peer has room, and of no other receiver.
    if (path !== undefined || !this.connected) return failed(this.#libc.refusal('EAGAIN', 'sendmsg'), 'send');
    this.#tellWhenWritable();
    return Object.assign(new Error('congestion'), { code: CONGESTION });
  }

  #tellWhenWritable(): void {
    if (this.#congested) return;
    this.#congested = true;
    this.#socket.writable().then(
      () => {
        this.#congested = false;
        process.nextTick(() => this.emit('writable'));
      },
      // The socket was closed.
      () => {},
    );
  }

  #receive(): void {
    this.#socket.onDatagrams(
      (data, path) => {
        try {
          this.#received(data, path);
        } catch (thrown) {
          // By a listener: it is an uncaught exception, and the next message comes all the same.
          process.nextTick(() => {
            throw thrown;
          });
        }
      },
      (error) => process.nextTick(() => this.#lost(error)),
    );
  }

  #received(data: Buffer | undefined, path: string | undefined): void {
    if (data) this.emit('message', data, { size: data.length, address: {}, path: path ?? null });
    else this.emit('error', failed(this.#libc.refusal('EMSGSIZE', 'recvmsg'), 'recv'));
  }

  #lost(error: unknown): void {
    if (this.fd < 0) return;
    this.#receive();
    this.emit('error', failed(error, 'recv'));
  }

  #name(
    syscall: 'bind' | 'connect',
    path: string,
    call: (c: Libc, fd: number, address: SocketAddress) => unknown,
  ): boolean {
    const c = this.#libc;
    try {
      if (this.fd < 0) throw c.refusal('EBADF', syscall);
      call(c, this.fd, new SocketAddress(c, path, syscall));
      return true;
    } catch (error) {
      this.emit('error', failed(error, syscall));
      return false;
    }
  }
}

/** A socket that receives without a promise for each message, and says when a connected receiver has room. */
class Datagrams extends UnixSocket {
  /**
   * Receives each datagram that comes, until the socket is shut down or closed.
   *
   * @param onData gets the data, undefined when it was too long, and the path of a sender that has one
   * @param onFail is told why nothing more is received
   */
  onDatagrams(
    onData: (data: Buffer | undefined, path: string | undefined) => void,
    onFail: (error: unknown) => void,
  ): void {
    const watch = this.onMessages(
      { bytes: LONGEST, descriptors: 0, into: undefined },
      (message) => {
        if (message) onData(message.truncated ? undefined : message.data, message.from);
        // Only a socket that somebody shut down has an end.
        else watch.end();
      },
      onFail,
    );
  }

  writable(): Promise<true> {
    const { POLLOUT } = this.libc.abi;
    const attempt = (): true | undefined => (this.libc.poll(this.fd, POLLOUT, 0) ? true : undefined);
    return this.waits.soon({ direction: 'out', syscall: 'poll' }, { attempt }, undefined);
  }
}

/** The bytes that are to be sent. */
function part(buffer: Uint8Array, others: readonly unknown[]): Uint8Array {
  if (!(buffer instanceof Uint8Array)) throw invalidArgType('buf', 'a Buffer', buffer);
  if (typeof others[0] !== 'number') return buffer;
  const offset = checkCount('offset', others[0], 0, buffer.length, 0);
  const length = checkCount('length', others[1], 0, buffer.length - offset, buffer.length - offset);
  return buffer.subarray(offset, offset + length);
}

/** macOS has its own word for a receiver that is full. */
function isFull(error: unknown): boolean {
  return error instanceof SyscallError && error.code === 'ENOBUFS';
}

/** The original's form of an error, whose code is the negative number. */
function failed(error: unknown, syscall: string): Error {
  const cause = error instanceof ChannelError ? error.cause : error;
  if (!(cause instanceof SyscallError)) return error as Error;
  const { errno, message } = cause;
  return Object.assign(new Error(`${syscall} ${errno}: ${message}`, { cause }), {
    code: errno,
    errno,
    syscall,
  });
}
