import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers';
import { type AsyncOptions, checkCount, checkObject, checkSignal } from './arguments.ts';
import { closeFDs, type DescriptorSource, descriptorsOf } from './descriptors.ts';
import { invalidArgType, invalidArgValue } from './errors.ts';
import { checkAddress } from './libc/address.ts';
import { libc } from './libc/calls.ts';
import {
  asStreamError,
  closedBeforeConnection,
  endedByPeer,
  isNotConnected,
  wasDestroyed,
} from './stream/errors.ts';
import { IdleTimer } from './stream/idle-timer.ts';
import { Incoming } from './stream/incoming.ts';
import { checkStreamOptions, MOST, streamSocket, type UnixStreamOptions } from './stream/options.ts';
import { Outgoing } from './stream/outgoing.ts';
import { UnixSocket } from './unix-socket.ts';

export type { UnixStreamOptions } from './stream/options.ts';

/** Stands for the socket that a stream will have. */
const CONNECTING: unique symbol = Symbol('connecting');

type Callback = (error?: Error | null) => void;

/**
 * A `'stream'` socket as a Node stream that carries descriptors with its bytes. Wherever that has a meaning, it behaves
 * as `net.Socket` does over a Unix path.
 *
 * The event `'fds'`, with an array, comes before the `'data'` of the bytes that the descriptors came with. Who listens
 * owns them. Without a listener they wait for {@link takeFds}, or for a listener that comes later; `destroy` closes those
 * that nobody took.
 *
 * A stream belongs to one thread.
 *
 * @example
 * ```js
 * import { closeFDs, UnixStream } from 'fdchannel';
 *
 * const [ours, theirs] = UnixStream.pair();
 * theirs.on('fds', (fds) => closeFDs(fds));
 * ours.writeWithFds('with a descriptor', [process.stdin]);
 * ours.end();
 * for await (const chunk of theirs) console.log(chunk.toString()); // with a descriptor
 * ```
 */
export class UnixStream extends Duplex {
  readonly #idle: IdleTimer = new IdleTimer(() => this.emit('timeout'));
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #abort: AbortController = new AbortController();
  #socket: UnixSocket | undefined;
  #connecting = false;
  #keepsAlive = true;

  /**
   * Takes a connected socket of type STREAM, which the stream owns from now on, and begins to read ahead. When the
   * constructor throws, the socket stays the caller's.
   *
   * @throws TypeError, RangeError for bad arguments; {@link SyscallError} `EBADF` for a number that is not open, and for
   *   a socket that was destroyed or detached
   */
  constructor(socket: UnixSocket | number, options?: UnixStreamOptions);
  /** @internal */
  constructor(socket: UnixSocket | number | typeof CONNECTING, options?: UnixStreamOptions);
  constructor(socket: UnixSocket | number | typeof CONNECTING, options: UnixStreamOptions = {}) {
    const { maxFds, ...others } = checkStreamOptions(options);
    const taken = socket === CONNECTING ? undefined : streamSocket(socket);
    // As net.Socket does, the stream says itself whether it was closed by an error.
    super({ ...others, emitClose: false, autoDestroy: true });
    const c = libc();
    this.#incoming = new Incoming(c, this, maxFds, this.#idle.active);
    this.#outgoing = new Outgoing(c, this.#idle.active);
    this.#socket = taken;
    this.on('newListener', (event) => {
      if (event === 'fds') process.nextTick(() => this.#incoming.announce());
    });
    if (taken) this.read(0);
  }

  /**
   * Connects to a socket of type STREAM that listens at an address. What is written before the connection stands, goes
   * afterwards. While the other side's backlog is full, it tries again after 1, 2, 4 … 50 ms.
   *
   * The stream owns its socket. Does not block: `'connect'` and then `'ready'` tell, or `'error'`.
   *
   * @param address a path; on Linux, a name that begins with `'\0'` is abstract
   * @param options its `signal` ends the connecting, with the signal's reason as the `'error'`; `addAbortSignal` of
   *   `node:stream` ends a stream at any time
   * @throws TypeError, RangeError for bad arguments
   */
  static connect(address: string, options: UnixStreamOptions & AsyncOptions = {}): UnixStream {
    checkAddress(address);
    const { signal } = checkObject(options);
    if (!signal?.aborted) checkSignal(options);
    const stream = new UnixStream(CONNECTING, options);
    stream.#connect(address, signal);
    return stream;
  }

  /** Two connected streams in this process, each of which owns its socket. Does not block. */
  static pair(options: UnixStreamOptions = {}): [UnixStream, UnixStream] {
    checkStreamOptions(options);
    const [a, b] = UnixSocket.pair('stream');
    return [new UnixStream(a, options), new UnixStream(b, options)];
  }

  /** The socket's descriptor, owned by the stream; -1 before the connection stands and after the end. */
  get fd(): number {
    return this.#socket?.fd ?? -1;
  }

  /** Whether the connection does not stand yet. */
  get connecting(): boolean {
    return this.#connecting;
  }

  /** Whether there is no connection: not yet, or not any more. */
  get pending(): boolean {
    return this.#socket === undefined;
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.#connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Bytes of data that were received. */
  get bytesRead(): number {
    return this.#incoming.bytes;
  }

  /** Bytes of data that were written, those that wait included. */
  get bytesWritten(): number {
    return this.#outgoing.bytes + this.writableLength;
  }

  /** Milliseconds without data after which `'timeout'` is emitted; undefined when {@link setTimeout} was never called. */
  get timeout(): number | undefined {
    return this.#idle.ms;
  }

  /** How many descriptors wait for somebody to take them. */
  get waitingFds(): number {
    return this.#incoming.unclaimed.size;
  }

  /**
   * Writes data with descriptors, which arrive no later than its first byte, and never with those of another call.
   *
   * The descriptors are borrowed until this returns: the stream holds duplicates of its own until they are sent, or the
   * stream is destroyed.
   *
   * @param bytes at least one byte; bytes must not change until they are sent
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
    const fds = descriptorsOf(sources, libc().abi.mostDescriptors);
    if (data.length === 0) throw invalidArgValue('bytes', 'at least one byte', bytes);
    const idle = this.writable && this.writableLength === 0 && this.writableCorked === 0;
    if (!idle || !this.#socket || !this.#outgoing.begin(this.#socket, data, fds)) {
      this.#outgoing.attach(data, fds);
    }
    return this.write(data, (error) => {
      // The one place that is reached whether they were sent, dropped by destroy, or refused after the end.
      this.#outgoing.detach(data);
      callback?.(error);
    });
  }

  /**
   * Takes descriptors for which nobody has listened, in the order in which they came. The caller owns them.
   *
   * @param count how many at most; all of them when it is not given
   */
  takeFds(count?: number): number[] {
    return this.#incoming.unclaimed.take(checkCount('count', count, 0, MOST, MOST));
  }

  /** Closes descriptors that the stream has handed out, as {@link closeFDs} does. */
  closeFds(fds: readonly number[]): void {
    closeFDs(fds);
  }

  /** Ends this side, and closes the stream once everything is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /**
   * Emits `'timeout'` after so many milliseconds without data in either direction, and once more after each time that
   * there was some; 0 switches it off.
   */
  setTimeout(ms: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.#idle.set(ms);
    if (callback) this[ms > 0 ? 'once' : 'off']('timeout', callback);
    return this;
  }

  /** Does nothing: a Unix socket delays nothing. */
  setNoDelay(_noDelay?: boolean): this {
    return this;
  }

  /** Does nothing: a Unix socket knows when its peer is gone. */
  setKeepAlive(_enable?: boolean, _initialDelay?: number): this {
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

  /** The same as `destroy`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  override read(size?: number): ReturnType<Duplex['read']> {
    // All data that anybody gets comes through here, or was pushed after an announcement.
    this.#incoming.announce();
    return super.read(size);
  }

  override write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    if (!this.#incoming.ended || !this.writableEnded || this.allowHalfOpen) {
      return super.write(chunk, encoding as BufferEncoding, callback);
    }
    // Not the caller has ended the stream, but the peer.
    const error = endedByPeer();
    const report = typeof encoding === 'function' ? encoding : callback;
    if (report) process.nextTick(report, error);
    this.destroy(error);
    return false;
  }

  override _read(): void {
    this.#incoming.want(this.#socket);
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: Callback): void {
    this.#send([chunk], callback);
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], callback: Callback): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: Callback): void {
    if (this.#connecting) {
      this.once('connect', () => this._final(callback));
      return;
    }
    let failure: Error | null = null;
    try {
      this.#socket?.shutdown('write');
    } catch (error) {
      if (!isNotConnected(error)) failure = error as Error;
    }
    // Who has awaited the end may still take its descriptors before the stream destroys itself.
    setImmediate(callback, failure);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const socket = this.#socket;
    this.#idle.stop();
    this.#connecting = false;
    this.#socket = undefined;
    this.#abort.abort();
    this.#incoming.unclaimed.close();
    let failure = error;
    try {
      socket?.destroy();
    } catch (fault) {
      failure ??= fault as Error;
    }
    callback(failure);
    // Behind the callbacks of what was not written.
    setImmediate(() => this.emit('close', failure !== null));
  }

  #connect(address: string, signal: AbortSignal | undefined): void {
    this.#connecting = true;
    const both = signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal;
    // Nothing is emitted before the caller's turn of the loop is over, nor from within a promise.
    UnixSocket.connectAsync(address, { type: 'stream', signal: both }).then(
      (socket) => setImmediate(() => this.#connected(socket)),
      (error) => setImmediate(() => this.destroy(error as Error)),
    );
  }

  #connected(socket: UnixSocket): void {
    if (this.destroyed) {
      socket.destroy();
      return;
    }
    this.#connecting = false;
    this.#socket = socket;
    if (!this.#keepsAlive) socket.unref();
    this.#idle.active();
    // Behind the listeners, which may pause the stream, and although one of them may throw.
    process.nextTick(() => {
      if (this.#incoming.wanted || !this.isPaused()) this._read();
    });
    this.emit('connect');
    this.emit('ready');
  }

  #send(chunks: readonly Uint8Array[], callback: Callback): void {
    this.#outgoing.take(chunks);
    if (!this.#connecting) {
      this.#sendNow(chunks, callback);
      return;
    }
    const connected = (): void => {
      this.off('close', closed);
      this.#sendNow(chunks, callback);
    };
    const closed = (): void => {
      this.off('connect', connected);
      this.#outgoing.settle();
      callback(closedBeforeConnection());
    };
    this.once('connect', connected);
    this.once('close', closed);
  }

  #sendNow(chunks: readonly Uint8Array[], callback: Callback): void {
    this.#idle.active();
    if (!this.#socket) this.#sent(callback, wasDestroyed());
    else this.#outgoing.send(this.#socket, chunks, (error) => this.#sent(callback, error));
  }

  #sent(callback: Callback, error: unknown): void {
    this.#outgoing.settle();
    if (error === undefined) callback();
    else callback(asStreamError(this.destroyed ? (this.errored ?? wasDestroyed()) : error));
  }

  #keepAlive(yes: boolean): this {
    this.#keepsAlive = yes;
    this.#socket?.[yes ? 'ref' : 'unref']();
    return this;
  }
}

/** A buffer that no other call writes, over the same bytes. */
function ownView(bytes: string | Uint8Array): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  if (!(bytes instanceof Uint8Array)) throw invalidArgType('bytes', 'a string or a Uint8Array', bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
