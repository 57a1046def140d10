import { Duplex } from 'node:stream';
import { clearTimeout, setTimeout } from 'node:timers';
import { type AsyncOptions, checkCount, checkObject, checkSignal } from './arguments.ts';
import { checkDescriptor, closeFD, type DescriptorSource, descriptorsOf } from './descriptors.ts';
import { ChannelError, invalidArgType, invalidArgValue } from './errors.ts';
import { libc } from './libc/calls.ts';
import { socketType } from './libc/sockets.ts';
import type { Message } from './socket/receiving.ts';
import { UnixSocket } from './unix-socket.ts';

/** Options of a {@link UnixStream}. */
export interface UnixStreamOptions {
  /** How many bytes are read ahead, and buffered for writing, before the other side has to wait. @default 65536 */
  readonly highWaterMark?: number | undefined;
  /** How many received descriptors may wait for somebody to take them. @default 253 */
  readonly maxFds?: number | undefined;
  /** Whether this side may go on writing after the peer has ended its side. @default false */
  readonly allowHalfOpen?: boolean | undefined;
}

type Callback = (error?: Error | null) => void;

const DEFAULT_BYTES = 65536;
const DEFAULT_FDS = 253;
const MOST = 2 ** 30;

/**
 * A `'stream'` socket as a Node stream that carries descriptors with its bytes. Wherever that has a meaning, it behaves
 * as `net.Socket` does over a Unix path.
 *
 * The event `'fds'`, with an array, comes before the `'data'` of the bytes that the descriptors came with. Who listens
 * owns them. Without a listener they wait for {@link takeFds}, or for one that comes later; `destroy` closes those that
 * nobody took.
 */
export class UnixStream extends Duplex {
  readonly #highWaterMark: number;
  readonly #maxFds: number;
  /** Duplicates that travel with the buffer that they were written with. */
  readonly #attached: WeakMap<Uint8Array, number[]> = new WeakMap();
  readonly #abort: AbortController = new AbortController();
  #socket: UnixSocket | undefined;
  #unclaimed: number[][] = [];
  #receiving = false;
  #wanted = false;
  #bytesRead = 0;
  #bytesSent = 0;
  #keepsAlive = true;
  #timeout = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Takes a connected socket of type STREAM, which the stream owns from now on. When the constructor throws, the socket
   * stays the caller's.
   *
   * @throws TypeError, RangeError for bad arguments; {@link SyscallError} `EBADF` for a number that is not open
   */
  constructor(socket: UnixSocket | number, options?: UnixStreamOptions);
  /** @internal */
  constructor(socket: UnixSocket | number | undefined, options?: UnixStreamOptions);
  constructor(socket: UnixSocket | number | undefined, options: UnixStreamOptions = {}) {
    const { allowHalfOpen = false } = checkObject(options);
    if (typeof allowHalfOpen !== 'boolean') {
      throw invalidArgType('options.allowHalfOpen', 'a boolean', allowHalfOpen);
    }
    const highWaterMark = checkCount('options.highWaterMark', options.highWaterMark, 1, MOST, DEFAULT_BYTES);
    const maxFds = checkCount('options.maxFds', options.maxFds, 0, MOST, DEFAULT_FDS);
    const taken = socket === undefined ? undefined : streamSocket(socket);
    // As net.Socket does, the stream says itself whether it was closed by an error.
    super({ highWaterMark, allowHalfOpen, emitClose: false, autoDestroy: true });
    this.#highWaterMark = highWaterMark;
    this.#maxFds = maxFds;
    this.#socket = taken;
    this.on('newListener', (event) => {
      if (event === 'fds') process.nextTick(() => this.#announce());
    });
  }

  /**
   * Connects to a socket of type STREAM that listens at an address. What is written before the connection stands, goes
   * afterwards.
   *
   * The stream owns its socket. Does not block: `'connect'` and `'ready'` tell, or `'error'`.
   *
   * @param address a path; on Linux, a name that begins with `'\0'` is abstract
   * @throws TypeError for bad arguments
   */
  static connect(address: string, options: UnixStreamOptions & AsyncOptions = {}): UnixStream {
    const signal = checkSignal(options);
    const stream = new UnixStream(undefined, options);
    stream.#connect(address, signal);
    return stream;
  }

  /** Two connected streams in this process, each of which owns its socket. Does not block. */
  static pair(options?: UnixStreamOptions): [UnixStream, UnixStream] {
    const [a, b] = UnixSocket.pair('stream');
    return [new UnixStream(a, options), new UnixStream(b, options)];
  }

  /** The socket's descriptor, owned by the stream; -1 before the connection stands and after the end. */
  get fd(): number {
    return this.#socket?.fd ?? -1;
  }

  /** Whether the connection does not stand yet. */
  get connecting(): boolean {
    return this.#socket === undefined && !this.destroyed;
  }

  get pending(): boolean {
    return this.#socket === undefined;
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Bytes of data that were received. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Bytes of data that were written, those that wait included. */
  get bytesWritten(): number {
    return this.#bytesSent + this.writableLength;
  }

  /** How many descriptors wait for somebody to take them. */
  get waitingFds(): number {
    return this.#unclaimed.reduce((count, fds) => count + fds.length, 0);
  }

  /**
   * Writes data with descriptors, which arrive no later than its first byte.
   *
   * The descriptors are borrowed until this returns: the stream holds duplicates of its own.
   *
   * @param bytes at least one byte
   * @param sources up to 253 descriptors, or open objects that have one
   * @param callback is called when the kernel has taken the data, or with an error
   * @returns false when the caller should wait for `'drain'`
   * @throws TypeError, RangeError for bad arguments; {@link SyscallError} `EBADF` for a descriptor that is not open,
   *   `EMFILE` at the descriptor limit
   */
  writeWithFds(
    bytes: string | Uint8Array,
    sources: readonly DescriptorSource[],
    callback?: (error?: Error | null) => void,
  ): boolean {
    const data = ownView(bytes);
    const c = libc();
    const fds = descriptorsOf(sources, c.abi.mostDescriptors);
    if (data.length === 0) throw invalidArgValue('bytes', 'at least one byte', bytes);
    const duplicates: number[] = [];
    try {
      for (const fd of fds) duplicates.push(c.duplicate(fd));
    } catch (error) {
      for (const fd of duplicates) c.discard(fd);
      throw error;
    }
    this.#attached.set(data, duplicates);
    return this.write(data, (error) => {
      // Once, whether it was sent, or dropped by destroy, or refused after the end.
      for (const fd of duplicates.splice(0)) c.discard(fd);
      callback?.(error);
    });
  }

  /**
   * Takes descriptors for which nobody has listened, in the order in which they came. The caller owns them.
   *
   * @param count how many at most; all of them when it is not given
   */
  takeFds(count?: number): number[] {
    const most = checkCount('count', count, 0, MOST, MOST);
    const all = this.#unclaimed.flat();
    const rest = all.slice(most);
    this.#unclaimed = rest.length > 0 ? [rest] : [];
    return all.slice(0, most);
  }

  /** Ends this side, and closes the stream once everything is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Emits `'timeout'` after so many milliseconds without data in either direction; 0 switches it off. */
  setTimeout(ms: number, callback?: () => void): this {
    this.#timeout = checkCount('ms', ms, 0, 2 ** 31 - 1, 0);
    if (callback) {
      if (ms > 0) this.once('timeout', callback);
      else this.off('timeout', callback);
    }
    this.#active();
    return this;
  }

  /** Does nothing: a Unix socket delays nothing. */
  setNoDelay(): this {
    return this;
  }

  /** Does nothing: a Unix socket knows when its peer is gone. */
  setKeepAlive(): this {
    return this;
  }

  /** Lets the stream keep the process alive while it reads or writes, as it does from the beginning. */
  ref(): this {
    return this.#keepAlive(true);
  }

  /** Lets the process end although the stream reads or writes. */
  unref(): this {
    return this.#keepAlive(false);
  }

  override _read(): void {
    this.#wanted = true;
    if (!this.#receiving && this.#socket) void this.#receive(this.#socket);
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: Callback): void {
    void this.#send([chunk], callback);
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], callback: Callback): void {
    void this.#send(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: Callback): void {
    this.#whenConnected(callback, (socket) => {
      socket.shutdown('write');
      callback();
    });
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer);
    this.#abort.abort();
    for (const fd of this.takeFds()) closeFD(fd);
    try {
      this.#socket?.destroy();
    } catch (fault) {
      error ??= fault as Error;
    }
    callback(error);
    process.nextTick(() => this.emit('close', error !== null));
  }

  async #connect(address: string, signal: AbortSignal | undefined): Promise<void> {
    try {
      const both = signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal;
      const socket = await UnixSocket.connectAsync(address, { type: 'stream', signal: both });
      if (this.destroyed) {
        socket.destroy();
        return;
      }
      this.#socket = socket;
      if (!this.#keepsAlive) socket.unref();
      this.#active();
      this.emit('connect');
      this.emit('ready');
      if (this.#wanted) this._read();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #whenConnected(callback: Callback, act: (socket: UnixSocket) => void): void {
    const socket = this.#socket;
    if (!socket) {
      const connected = (): void => {
        this.off('close', closed);
        this.#whenConnected(callback, act);
      };
      const closed = (): void => {
        this.off('connect', connected);
        callback(new Error('the stream was closed before it was connected'));
      };
      this.once('connect', connected);
      this.once('close', closed);
      return;
    }
    try {
      act(socket);
    } catch (error) {
      callback(asNode(error));
    }
  }

  /** Reads for as long as the stream asks for more. */
  async #receive(socket: UnixSocket): Promise<void> {
    this.#receiving = true;
    try {
      while (this.#wanted && !this.destroyed) {
        this.#wanted = false;
        const message = await socket.recvMessageAsync({ maxBytes: this.#highWaterMark });
        this.#active();
        if (!this.#take(message)) return;
      }
    } catch (error) {
      this.destroy(asNode(error));
    } finally {
      this.#receiving = false;
    }
  }

  /** Passes on what came; false at the end. */
  #take(message: Message | null): boolean {
    if (message === null) {
      this.push(null);
      return false;
    }
    if (this.destroyed) {
      message[Symbol.dispose]();
      return false;
    }
    if (message.controlTruncated) {
      message[Symbol.dispose]();
      throw new ChannelError(
        'ERR_FDCHANNEL_CONTROL_TRUNCATED',
        'descriptors that came could not be installed',
      );
    }
    if (message.fds.length > 0) {
      this.#unclaimed.push(message.fds);
      this.#announce();
      if (this.waitingFds > this.#maxFds) {
        throw new ChannelError(
          'ERR_FDCHANNEL_UNCLAIMED',
          `more than ${this.#maxFds} descriptors came that nobody took`,
        );
      }
    }
    this.#bytesRead += message.data.length;
    if (this.push(message.data)) this.#wanted = true;
    return true;
  }

  /** Gives descriptors to who listens for them. */
  #announce(): void {
    while (this.#unclaimed.length > 0 && this.listenerCount('fds') > 0) {
      this.emit('fds', this.#unclaimed.shift());
    }
  }

  /** Sends in messages that begin with the descriptors of their first chunk. */
  async #send(chunks: readonly Uint8Array[], callback: Callback): Promise<void> {
    this.#whenConnected(callback, (socket) => {
      this.#sendAll(socket, chunks).then(
        () => callback(),
        (error) => callback(asNode(error)),
      );
    });
  }

  async #sendAll(socket: UnixSocket, chunks: readonly Uint8Array[]): Promise<void> {
    for (let from = 0; from < chunks.length; ) {
      let to = from + 1;
      while (to < chunks.length && !this.#attached.has(chunks[to] as Uint8Array)) to++;
      const fds = this.#attached.get(chunks[from] as Uint8Array);
      this.#bytesSent += await socket.sendMessageAsync(chunks.slice(from, to), fds);
      this.#active();
      from = to;
    }
  }

  #keepAlive(yes: boolean): this {
    this.#keepsAlive = yes;
    if (this.#socket && this.#socket.fd >= 0) this.#socket[yes ? 'ref' : 'unref']();
    return this;
  }

  #active(): void {
    clearTimeout(this.#timer);
    if (this.#timeout === 0 || this.destroyed) return;
    this.#timer = setTimeout(() => this.emit('timeout'), this.#timeout);
    this.#timer.unref();
  }
}

/** A socket that a stream may take: of type STREAM. */
function streamSocket(socket: UnixSocket | number): UnixSocket {
  const expected = 'a connected socket of type STREAM, or its number';
  if (typeof socket === 'number') {
    const type = socketType(libc(), checkDescriptor('socket', socket));
    if (type !== 'stream') throw invalidArgType('socket', expected, socket, `one of type ${type}`);
    return new UnixSocket(socket);
  }
  if (!(socket instanceof UnixSocket)) throw invalidArgType('socket', expected, socket);
  if (socket.type !== 'stream')
    throw invalidArgType('socket', expected, socket, `one of type ${socket.type}`);
  return socket;
}

/** A buffer that nobody else writes, over the same bytes. */
function ownView(bytes: string | Uint8Array): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  if (!(bytes instanceof Uint8Array)) throw invalidArgType('bytes', 'a string or a Uint8Array', bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A peer that is gone is EPIPE here, as of any stream of Node's. */
function asNode(error: unknown): Error {
  const ended = error instanceof ChannelError && error.code === 'ERR_FDCHANNEL_ENDED';
  return (ended && error.cause instanceof Error ? error.cause : error) as Error;
}
