import { Duplex, type DuplexOptions } from 'node:stream';
import { setImmediate } from 'node:timers';
import { UnixSocket } from '../unix-socket.ts';
import { isNotConnected } from './errors.ts';
import { IdleTimer } from './idle-timer.ts';

type Callback = (error?: Error | null) => void;

/** A stream over a Unix socket: what it has of `net.Socket`, but for its bytes. */
export abstract class SocketStream extends Duplex {
  /**
   * Something has come or gone.
   *
   * @internal
   */
  protected readonly progressed: () => void;
  readonly #idle: IdleTimer = new IdleTimer(() => this.emit('timeout'));
  readonly #abort: AbortController = new AbortController();
  #socket: UnixSocket | undefined;
  #connecting = false;
  #keepsAlive = true;

  /**
   * @param socket the stream owns it from now on; undefined for one that is to connect
   * @internal
   */
  constructor(socket: UnixSocket | undefined, options: DuplexOptions) {
    // As net.Socket does, the stream says itself whether it was closed by an error.
    super({ ...options, emitClose: false, autoDestroy: true });
    this.#socket = socket;
    this.progressed = this.#idle.active;
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

  /** Milliseconds without data after which `'timeout'` is emitted; undefined when {@link setTimeout} was never called. */
  get timeout(): number | undefined {
    return this.#idle.ms;
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

  /**
   * The socket while the connection stands.
   *
   * @internal
   */
  protected get unixSocket(): UnixSocket | undefined {
    return this.#socket;
  }

  /**
   * Reads, if anybody wants that: the connection stands by now.
   *
   * @internal
   */
  protected abstract readOnceConnected(): void;

  /**
   * Connects to an address, unless the signal aborts.
   *
   * @internal
   */
  protected startConnecting(address: string, signal: AbortSignal | undefined): void {
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
    process.nextTick(() => this.readOnceConnected());
    this.emit('connect');
    this.emit('ready');
  }

  #keepAlive(yes: boolean): this {
    this.#keepsAlive = yes;
    this.#socket?.[yes ? 'ref' : 'unref']();
    return this;
  }
}
