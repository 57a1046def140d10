import { ChannelError } from '../errors.ts';
import type { Libc } from '../libc/calls.ts';
import type { UnixSocket } from '../unix-socket.ts';

/** How many bytes go by one call: few enough to see that a slow peer takes them, enough to cost little. */
const PIECE = 131_072;

/** What one call sends. */
interface Piece {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly fds: readonly number[];
}

/** What belongs to a chunk that was written with descriptors. */
interface Attached {
  /** Duplicates of those that are not sent. */
  readonly fds: readonly number[];
  /** How many of its bytes were sent before it came here, and with them the descriptors. */
  readonly sent: number;
  /** Why it cannot be sent. */
  readonly failure?: ChannelError;
}

type Callback = (error?: unknown) => void;

const NONE: readonly number[] = [];

/** What a stream writes: chunks of bytes, some of which have descriptors that travel with their first byte. */
export class Outgoing {
  readonly #libc: Libc;
  /** By chunk, until {@link detach}: a Writable hands on the very object that was written. */
  readonly #attached: Map<Uint8Array, Attached> = new Map();

  readonly #progressed: () => void;
  #taken = 0;
  #inFlight = 0;

  /** @param progressed is called when the kernel has taken a part */
  constructor(libc: Libc, progressed: () => void) {
    this.#libc = libc;
    this.#progressed = progressed;
  }

  /** Bytes of chunks that came here, but for those that the stream still counts as its own. */
  get bytes(): number {
    return this.#taken - this.#inFlight;
  }

  /** Counts chunks that are to be sent. */
  take(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#inFlight += chunk.length;
    this.#taken += this.#inFlight;
  }

  /**
   * Sends a chunk with descriptors at once, as far as the socket has room, before it is written to the stream: what goes
   * so needs no duplicates of the descriptors. For a stream that has nothing else to send.
   *
   * @returns false when the descriptors are still to be sent
   */
  begin(socket: UnixSocket, chunk: Uint8Array, fds: readonly number[]): boolean {
    const first = chunk.length > PIECE ? chunk.subarray(0, PIECE) : chunk;
    try {
      const sent = socket.trySendParts([first], first.length, fds);
      if (sent === undefined) return false;
      this.#attached.set(chunk, { fds: NONE, sent });
    } catch (failure) {
      // What is wrong with a descriptor shows when it is duplicated.
      if (!(failure instanceof ChannelError)) return false;
      // The kernel says ECONNRESET once.
      this.#attached.set(chunk, { fds: NONE, sent: 0, failure });
    }
    return true;
  }

  /** Attaches duplicates of descriptors to a chunk. */
  attach(chunk: Uint8Array, fds: readonly number[]): void {
    const duplicates: number[] = [];
    try {
      for (const fd of fds) duplicates.push(this.#libc.duplicate(fd));
    } catch (error) {
      for (const fd of duplicates) this.#libc.discard(fd);
      throw error;
    }
    this.#attached.set(chunk, { fds: duplicates, sent: 0 });
  }

  /** Closes the duplicates of a chunk that was sent, or never will be. To be called once of each. */
  detach(chunk: Uint8Array): void {
    for (const fd of this.#attached.get(chunk)?.fds ?? NONE) this.#libc.discard(fd);
    this.#attached.delete(chunk);
  }

  /**
   * Sends chunks in their order, which have been taken.
   *
   * @param callback is called when the kernel has taken all, or with an error; not from within a promise, so that what it
   *   throws is an uncaught exception
   */
  send(socket: UnixSocket, chunks: readonly Uint8Array[], callback: Callback): void {
    let pieces: readonly Piece[];
    try {
      pieces = this.#pieces(chunks);
    } catch (failure) {
      callback(failure);
      return;
    }
    this.#sendFrom(socket, pieces, 0, callback);
  }

  /** The stream no longer counts as its own what was taken. */
  settle(): void {
    this.#inFlight = 0;
  }

  #sendFrom(socket: UnixSocket, pieces: readonly Piece[], first: number, callback: Callback): void {
    try {
      for (let i = first; i < pieces.length; i++) {
        const { parts, bytes, fds } = pieces[i] as Piece;
        const sent = socket.trySendParts(parts, bytes, fds) ?? 0;
        if (sent > 0) this.#progressed();
        if (sent === bytes) continue;
        const goOn = (error?: unknown): void => {
          if (error === undefined) {
            this.#progressed();
            this.#sendFrom(socket, pieces, i + 1, callback);
          } else callback(error);
        };
        // The descriptors went with the first byte.
        const rest = sent > 0 ? after(parts, sent) : parts;
        socket.sendPartsLater(rest, bytes - sent, sent > 0 ? NONE : fds, (error) =>
          process.nextTick(goOn, error),
        );
        return;
      }
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  /** A chunk with descriptors begins a piece, and shares it with no other chunk. */
  #pieces(chunks: readonly Uint8Array[]): readonly Piece[] {
    const [only] = chunks;
    // Mostly it is one.
    if (only && chunks.length === 1 && only.length <= PIECE && !this.#attached.has(only)) {
      return only.length === 0 ? [] : [{ parts: chunks, bytes: only.length, fds: NONE }];
    }
    const pieces: Piece[] = [];
    let parts: Uint8Array[] = [];
    let bytes = 0;
    const close = (): void => {
      if (bytes > 0) pieces.push({ parts, bytes, fds: NONE });
      [parts, bytes] = [[], 0];
    };
    for (const chunk of chunks) {
      const attached = this.#attached.get(chunk);
      if (attached?.failure) throw attached.failure;
      if (attached || bytes + chunk.length > PIECE) close();
      if (attached) slice(chunk, attached.sent, attached.fds, pieces);
      else if (chunk.length > PIECE) slice(chunk, 0, NONE, pieces);
      else if (chunk.length > 0) {
        parts.push(chunk);
        bytes += chunk.length;
      }
    }
    close();
    return pieces;
  }
}

/** Adds what is left of a chunk. */
function slice(chunk: Uint8Array, sent: number, fds: readonly number[], pieces: Piece[]): void {
  for (let from = sent; from < chunk.length; from += PIECE) {
    const part = chunk.subarray(from, from + PIECE);
    pieces.push({ parts: [part], bytes: part.length, fds: from === sent ? fds : NONE });
  }
}

/** What is left behind the first bytes. */
function after(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let [i, skip] = [0, bytes];
  for (; skip >= (parts[i] as Uint8Array).length; i++) skip -= (parts[i] as Uint8Array).length;
  return [(parts[i] as Uint8Array).subarray(skip), ...parts.slice(i + 1)];
}
