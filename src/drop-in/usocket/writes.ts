import { libc } from '../../libc/calls.ts';
import type { UnixStream } from '../../unix-stream.ts';

type Callback = (error?: Error | null) => void;

/** What one call of `write` writes. */
interface Written {
  readonly data?: unknown;
  readonly fds?: unknown;
  readonly callback?: unknown;
}

/** Descriptors that were written without data, and go with the next byte. */
export class PendingFds {
  #waiting: Outgoing[] = [];

  /** How many messages wait for a byte. */
  get size(): number {
    return this.#waiting.length;
  }

  /**
   * What `write` was given, checked, with duplicates of its descriptors.
   *
   * @throws Error as the original says it; SyscallError for descriptors that are not open
   */
  message(chunk: unknown): Outgoing {
    const { data, fds, callback } = parts(chunk);
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    if (bytes !== undefined && bytes !== null && !(bytes instanceof Uint8Array)) {
      throw new Error('USocket data needs to be a buffer');
    }
    if (fds !== undefined && fds !== null && !Array.isArray(fds)) {
      throw new Error('USocket fds needs to be an array');
    }
    if (callback !== undefined && typeof callback !== 'function') {
      throw new Error('USocket write callback needs to be a function');
    }
    if (!bytes && !fds) throw new Error('USocket write needs a data or array');
    return new Outgoing(this, bytes ?? new Uint8Array(), fds ?? [], callback as Callback | undefined);
  }

  /** Keeps a message that has no byte. */
  keep(message: Outgoing): void {
    this.#waiting.push(message);
  }

  /** The messages that have waited for a byte. */
  take(): Outgoing[] {
    return this.#waiting.splice(0);
  }

  /** Closes the descriptors that nothing has followed. */
  close(): void {
    const error = new Error('USocket closed before data followed the descriptors');
    for (const message of this.take()) message.finish(error);
  }
}

/** A message on its way, which holds duplicates of its descriptors until it is sent, or is not. */
export class Outgoing {
  readonly fds: number[] = [];
  readonly #pending: PendingFds;
  readonly #data: Uint8Array;
  #callback: Callback | undefined;

  constructor(pending: PendingFds, data: Uint8Array, fds: readonly number[], callback: Callback | undefined) {
    this.#pending = pending;
    this.#data = data;
    this.#callback = callback;
    try {
      for (const fd of fds) this.fds.push(libc().duplicate(fd));
    } catch (error) {
      this.#discard();
      throw error;
    }
  }

  /** Sends it, with those that have waited for its first byte. */
  send(stream: UnixStream, callback: Callback): void {
    if (this.#data.length === 0) {
      if (this.fds.length > 0) this.#pending.keep(this);
      callback();
      return;
    }
    const waiting = this.#pending.take();
    const fds = [...waiting, this].flatMap((message) => message.fds);
    const done: Callback = (error) => {
      for (const message of waiting) message.finish(error);
      callback(error);
    };
    try {
      if (fds.length > 0) stream.writeWithFds(this.#data, fds, done);
      else stream.write(this.#data, done);
    } catch (error) {
      done(error as Error);
    }
  }

  /** The stream has dealt with it. One that waits for a byte is not finished yet. */
  settle(error: Error | null | undefined): void {
    const waits = !error && this.#data.length === 0 && this.fds.length > 0;
    if (!waits) this.finish(error);
  }

  /** It was sent, or never will be. A second time, it does nothing. */
  finish(error: Error | null | undefined): void {
    const callback = this.#callback;
    this.#callback = undefined;
    this.#discard();
    if (error) callback?.(error);
    else callback?.();
  }

  #discard(): void {
    for (const fd of this.fds.splice(0)) libc().discard(fd);
  }
}

function parts(chunk: unknown): Written {
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return { data: chunk };
  if (Array.isArray(chunk)) return { fds: chunk };
  if (typeof chunk === 'object' && chunk !== null) return chunk;
  throw new Error('USocket write needs a data or array');
}
