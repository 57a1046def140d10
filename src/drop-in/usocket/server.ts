import { EventEmitter } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import { UnixListener } from '../../unix-listener.ts';
import type { UnixSocket } from '../../unix-socket.ts';
import { USocket } from './socket.ts';

const DEFAULT_BACKLOG = 16;

/** What bind(2) gives a socket's file where nothing else is said, but for what the umask takes away. */
const EVERYBODY = 0o777;

/**
 * The `UServer` of the npm package usocket 1.1, without its native code: emits `'listening'`, `'connection'` with a
 * {@link USocket}, and `'error'`.
 *
 * @see https://www.npmjs.com/package/usocket
 */
export class UServer extends EventEmitter {
  /** The socket's descriptor while the server listens. */
  fd: number | undefined;
  listening = false;
  paused = false;
  #listener: UnixListener | undefined;
  #waiting: AbortController | undefined;

  /**
   * Listens at a path, where it removes the socket's file of an earlier server first.
   *
   * @throws Error when the server listens already, and for bad arguments
   */
  listen(
    target: string | { readonly path: string; readonly backlog?: number | undefined },
    backlog?: number | (() => void),
    callback?: () => void,
  ): void {
    if (this.#listener) throw new Error('listen on already listened UServer');
    const path = typeof target === 'object' && target !== null ? target.path : target;
    const given = typeof target === 'object' && target !== null ? target.backlog : backlog;
    const connections = typeof given === 'number' && given > 0 ? given : DEFAULT_BACKLOG;
    const listening = [backlog, callback].find((one) => typeof one === 'function') as
      | (() => void)
      | undefined;
    if (typeof path !== 'string') throw new Error('UServer expects valid path');
    if (listening) this.once('listening', listening);
    try {
      removeSocket(path);
      const mode = EVERYBODY & ~process.umask();
      this.#listener = UnixListener.listen(path, { type: 'stream', backlog: connections, mode });
    } catch (error) {
      process.nextTick(() => this.emit('error', error));
      return;
    }
    const listener = this.#listener;
    process.nextTick(() => {
      if (this.#listener !== listener) return;
      this.fd = listener.fd;
      this.listening = true;
      this.#accept(listener);
      this.emit('listening');
    });
  }

  /** Accepts no more connections until {@link resume}. */
  pause(): void {
    this.paused = true;
    this.#waiting?.abort();
  }

  resume(): void {
    this.paused = false;
    if (this.listening && this.#listener) this.#accept(this.#listener);
  }

  /** Stops listening, and removes the file. No event follows; accepted connections go on. */
  close(): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.fd = undefined;
    this.listening = false;
    listener?.destroy();
  }

  #accept(listener: UnixListener): void {
    if (this.paused || this.#waiting) return;
    const waiting = new AbortController();
    this.#waiting = waiting;
    // Not from within a promise, so that what a listener throws is an uncaught exception.
    listener.acceptAsync({ signal: waiting.signal }).then(
      (socket) => process.nextTick(() => this.#accepted(listener, socket)),
      (error) => process.nextTick(() => this.#failed(listener, waiting, error)),
    );
  }

  #accepted(listener: UnixListener, socket: UnixSocket): void {
    this.#waiting = undefined;
    if (this.#listener !== listener) {
      socket.destroy();
      return;
    }
    this.#accept(listener);
    this.emit('connection', new USocket({ fd: socket.detach() }));
  }

  #failed(listener: UnixListener, { signal }: AbortController, error: unknown): void {
    this.#waiting = undefined;
    if (this.#listener !== listener) return;
    if (signal.aborted) {
      // It may have been resumed since.
      this.#accept(listener);
      return;
    }
    this.close();
    this.emit('error', error);
  }
}

/** Removes a socket's file, and no other: bind(2) then says that the path is in use. */
function removeSocket(path: string): void {
  if (path.startsWith('\0')) return;
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) unlinkSync(path);
}
