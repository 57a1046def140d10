import type { Duplex } from 'node:stream';
import { type AsyncOptions, checkCount, checkObject, checkSignal } from './arguments.ts';
import { closeFDs, type DescriptorSource, descriptorsOf } from './descriptors.ts';
import { invalidArgType, invalidArgValue } from './errors.ts';
import { checkAddress } from './libc/address.ts';
import { libc } from './libc/calls.ts';
import { asStreamError, closedBeforeConnection, endedByPeer, wasDestroyed } from './stream/errors.ts';
import { Incoming } from './stream/incoming.ts';
import { checkStreamOptions, MOST, streamSocket, type UnixStreamOptions } from './stream/options.ts';
import { Outgoing } from './stream/outgoing.ts';
import { SocketStream } from './stream/socket-stream.ts';
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
export class UnixStream extends SocketStream {
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;

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
    super(taken, others);
    const c = libc();
    this.#incoming = new Incoming(c, this, maxFds, this.progressed);
    this.#outgoing = new Outgoing(c, this.progressed);
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
    stream.startConnecting(address, signal);
    return stream;
  }

  /** Two connected streams in this process, each of which owns its socket. Does not block. */
  static pair(options: UnixStreamOptions = {}): [UnixStream, UnixStream] {
    checkStreamOptions(options);
    const [a, b] = UnixSocket.pair('stream');
    return [new UnixStream(a, options), new UnixStream(b, options)];
  }

  /** Bytes of data that were received. */
  get bytesRead(): number {
    return this.#incoming.bytes;
  }

  /** Bytes of data that were written, those that wait included. */
  get bytesWritten(): number {
    return this.#outgoing.bytes + this.writableLength;
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
    if (!idle || !this.unixSocket || !this.#outgoing.begin(this.unixSocket, data, fds)) {
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
    this.#incoming.want(this.unixSocket);
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

  override _destroy(error: Error | null, callback: Callback): void {
    this.#incoming.unclaimed.close();
    super._destroy(error, callback);
  }

  /** @internal */
  protected override readOnceConnected(): void {
    if (this.#incoming.wanted || !this.isPaused()) this._read();
  }

  #send(chunks: readonly Uint8Array[], callback: Callback): void {
    this.#outgoing.take(chunks);
    if (!this.connecting) {
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
    this.progressed();
    if (!this.unixSocket) this.#sent(callback, wasDestroyed());
    else this.#outgoing.send(this.unixSocket, chunks, (error) => this.#sent(callback, error));
  }

  #sent(callback: Callback, error: unknown): void {
    this.#outgoing.settle();
    if (error === undefined) callback();
    else callback(asStreamError(this.destroyed ? (this.errored ?? wasDestroyed()) : error));
  }
}

/** A buffer that no other call writes, over the same bytes. */
function ownView(bytes: string | Uint8Array): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  if (!(bytes instanceof Uint8Array)) throw invalidArgType('bytes', 'a string or a Uint8Array', bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
