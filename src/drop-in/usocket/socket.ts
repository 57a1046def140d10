import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers';
import { libc } from '../../libc/calls.ts';
import { unclaimed, wasDestroyed } from '../../stream/errors.ts';
import { UnixStream } from '../../unix-stream.ts';
import { type Outgoing, PendingFds } from './writes.ts';

/** Where a {@link USocket} connects to: a path, or a descriptor of a connected socket, which it owns from then on. */
export interface USocketOptions {
  readonly path?: string | undefined;
  readonly fd?: number | undefined;
  /** Whether this side may go on writing after the peer has ended its side. @default true */
  readonly allowHalfOpen?: boolean | undefined;
}

/** Data, descriptors, or both, to be written. */
export interface USocketMessage {
  readonly data?: Uint8Array | string | undefined;
  readonly fds?: readonly number[] | undefined;
  /** Called when the message was sent; with an error when it was not. */
  readonly callback?: ((error?: Error) => void) | undefined;
}

type Callback = (error?: Error | null) => void;

/** How many descriptors may wait to be read while nobody listens for 'fds'. */
const MOST_WAITING = 1024;

/**
 * The `USocket` of the npm package usocket 1.1, without its native code.
 *
 * @see https://www.npmjs.com/package/usocket
 */
export class USocket extends Duplex {
  /** The socket's descriptor while it is connected. */
  fd: number | undefined;
  readonly #pending: PendingFds = new PendingFds();
  #stream: UnixStream | undefined;
  /** Descriptors to be read; those that a listener of 'fds' has seen are its own to close. */
  #received: { readonly fd: number; readonly seen: boolean }[] = [];
  #held: { readonly message: Outgoing; readonly callback: Callback } | undefined;
  #reading = false;

  constructor(options?: USocketOptions | string, callback?: () => void) {
    const target = typeof options === 'object' && options !== null ? options : { path: options };
    const { allowHalfOpen = true } = target as USocketOptions;
    super({ allowHalfOpen, writableObjectMode: true, emitClose: false, autoDestroy: true });
    if (typeof target.path === 'string' || typeof (target as USocketOptions).fd === 'number') {
      this.connect(target as USocketOptions, callback);
    }
  }

  /**
   * Connects. `'connected'` tells, or `'error'`, after which it may be called again. `{ fd }` is connected at once, which
   * no event tells.
   *
   * @throws Error when it is connected, or connecting
   */
  connect(target: USocketOptions | string, callback?: () => void): void {
    if (this.#stream) throw new Error('connect on already connected USocket');
    const { path, fd } = typeof target === 'string' ? { path: target } : (target as USocketOptions);
    if (typeof callback === 'function') this.once('connected', callback);
    if (typeof fd === 'number') {
      this.#adopt(fd);
      return;
    }
    if (typeof path !== 'string') throw new Error('USocket#connect expects string path');
    const stream = UnixStream.connect(path, { allowHalfOpen: true });
    this.#use(stream);
    stream.once('connect', () => {
      this.#connected(stream);
      this.emit('connected');
    });
  }

  /**
   * Reads data as any stream does, or, with a number of descriptors, data together with descriptors.
   *
   * @param count how many descriptors; null for all that are there
   * @returns null when there is less than was asked for
   */
  override read(size?: number | null, count?: number | null): ReturnType<Duplex['read']> {
    if (count === undefined) return super.read(size ?? undefined);
    const wanted = count ?? this.#received.length;
    if (this.#received.length < wanted) return null;
    // Without a number, read() of Node 26 gives one chunk only.
    const data = super.read(size ?? (this.readableLength || undefined));
    if (size && !data) return null;
    return { data, fds: this.#received.splice(0, wanted).map(({ fd }) => fd) };
  }

  /** Puts data and descriptors back, which are then the next to be read. */
  override unshift(chunk: unknown, fds?: readonly number[] | BufferEncoding): void {
    if (chunk) super.unshift(chunk, typeof fds === 'string' ? fds : undefined);
    if (Array.isArray(fds)) this.#received.unshift(...fds.map((fd) => ({ fd, seen: false })));
  }

  /**
   * Writes data, descriptors or both. The descriptors may be closed at once.
   *
   * A stream carries descriptors with bytes only: those that are written without data go with the next byte.
   *
   * @returns false when the caller should wait for `'drain'`
   */
  override write(chunk: unknown, encoding?: BufferEncoding | Callback | null, callback?: Callback): boolean {
    const report = typeof encoding === 'function' ? encoding : callback;
    let message: Outgoing;
    try {
      message = this.#pending.message(chunk);
    } catch (error) {
      if (report) process.nextTick(report, error);
      this.destroy(error as Error);
      return false;
    }
    return super.write(message, undefined as never, (error) => {
      message.settle(error);
      report?.(error);
    });
  }

  override end(chunk?: unknown, encoding?: BufferEncoding | (() => void), callback?: () => void): this {
    const report = [chunk, encoding, callback].find((one) => typeof one === 'function') as () => void;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      this.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    }
    return super.end(report);
  }

  override _read(): void {
    this.#reading = true;
    if (this.#stream && this.#stream.pending === false) this.#readFrom(this.#stream);
  }

  override _write(message: Outgoing, _encoding: string, callback: Callback): void {
    const stream = this.#stream;
    if (!stream) callback(new Error('USocket not connected'));
    else if (stream.pending) this.#held = { message, callback };
    else message.send(stream, callback);
  }

  override _final(callback: Callback): void {
    const stream = this.#stream;
    if (this.#pending.size > 0) {
      callback(new Error('USocket ended with descriptors that no data followed'));
      return;
    }
    // So that the end of the peer is seen, although nobody reads.
    this.read(0);
    if (stream) stream.end(callback);
    else callback();
  }

  /** Emits `'close'` when both sides have ended, or behind an error; nothing when the caller destroys the socket. */
  override _destroy(error: Error | null, callback: Callback): void {
    const ended = this.readableEnded && this.writableFinished;
    const held = this.#held;
    this.#held = undefined;
    this.#letGo();
    held?.callback(error ?? wasDestroyed());
    this.#pending.close();
    for (const { fd, seen } of this.#received.splice(0)) if (!seen) libc().discard(fd);
    callback(error);
    if (error) setImmediate(() => this.emit('close', error));
    else if (ended) setImmediate(() => this.emit('close'));
  }

  #adopt(fd: number): void {
    try {
      this.#use(new UnixStream(fd, { allowHalfOpen: true }));
      this.#connected(this.#stream as UnixStream);
    } catch (error) {
      process.nextTick(() => this.#failed(error as Error));
    }
  }

  #use(stream: UnixStream): void {
    this.#stream = stream;
    stream.on('error', (error) => this.#failed(error));
  }

  #connected(stream: UnixStream): void {
    this.fd = stream.fd;
    const held = this.#held;
    this.#held = undefined;
    if (held) held.message.send(stream, held.callback);
    if (this.#reading) this.#readFrom(stream);
  }

  /** A connection that could not be made leaves the socket as it was; one that breaks ends it. */
  #failed(error: Error): void {
    const { fd } = this;
    const held = this.#held;
    this.#held = undefined;
    if (this.destroyed) return;
    if (fd !== undefined) {
      this.destroy(error);
      return;
    }
    this.#letGo();
    if (held) {
      held.callback(error);
      return;
    }
    this.emit('error', error);
    this.emit('close', error);
  }

  #letGo(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
    this.fd = undefined;
  }

  #readFrom(stream: UnixStream): void {
    if (stream.listenerCount('data') === 0) {
      stream.on('fds', (fds: number[]) => this.#receive(fds));
      stream.on('data', (data) => {
        if (!this.push(data)) stream.pause();
      });
      stream.on('end', () => {
        this.push(null);
        this.read(0);
      });
    }
    stream.resume();
  }

  #receive(fds: number[]): void {
    const seen = this.listenerCount('fds') > 0;
    for (const fd of fds) this.#received.push({ fd, seen });
    if (this.#received.filter((one) => !one.seen).length > MOST_WAITING) {
      this.destroy(unclaimed(MOST_WAITING));
      return;
    }
    // Behind the data that they came with, which may be all that a reader has waited for.
    process.nextTick(() => {
      if (!this.destroyed) this.emit('readable');
    });
    if (seen) this.emit('fds', fds);
  }
}
