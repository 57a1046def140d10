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

type Callback = (error?: unknown) => void;

/** What a stream writes: chunks of bytes, some of which have descriptors that travel with their first byte. */
export class Outgoing {
  readonly #libc: Libc;
  /** By chunk: a Writable hands on the very object that was written. */
  readonly #attached: WeakMap<Uint8Array, readonly number[]> = new WeakMap();

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
   * Attaches duplicates of descriptors to a chunk.
   *
   * @returns closes the duplicates; to be called once
   */
  attach(chunk: Uint8Array, fds: readonly number[]): () => void {
    const duplicates: number[] = [];
    const discard = (): void => {
      for (const fd of duplicates) this.#libc.discard(fd);
    };
    try {
      for (const fd of fds) duplicates.push(this.#libc.duplicate(fd));
    } catch (error) {
      discard();
      throw error;
    }
    this.#attached.set(chunk, duplicates);
    return discard;
  }

  /**
   * Sends chunks in their order, which have been taken.
   *
   * @param callback is called when the kernel has taken all, or with an error; not from within a promise, so that what it
   *   throws is an uncaught exception
   */
  send(socket: UnixSocket, chunks: readonly Uint8Array[], callback: Callback): void {
    this.#sendRest(socket, this.#pieces(chunks), callback);
  }

  /** The stream no longer counts as its own what was taken. */
  settle(): void {
    this.#inFlight = 0;
  }

  #sendRest(socket: UnixSocket, pieces: Iterator<Piece>, callback: Callback): void {
    try {
      for (let next = pieces.next(); !next.done; next = pieces.next()) {
        const { parts, bytes, fds } = next.value;
        const sent = socket.trySendMessage(parts, fds) ?? 0;
        if (sent > 0) this.#progressed();
        if (sent === bytes) continue;
        // The descriptors went with the first byte.
        const rest =
          sent > 0 ? socket.sendMessageAsync(after(parts, sent)) : socket.sendMessageAsync(parts, fds);
        const goOn = (): void => {
          this.#progressed();
          this.#sendRest(socket, pieces, callback);
        };
        rest.then(
          () => process.nextTick(goOn),
          (error) => process.nextTick(callback, error),
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
  *#pieces(chunks: readonly Uint8Array[]): Generator<Piece, undefined> {
    let parts: Uint8Array[] = [];
    let bytes = 0;
    for (const chunk of chunks) {
      const fds = this.#attached.get(chunk);
      if (bytes > 0 && (fds || bytes + chunk.length > PIECE)) {
        yield { parts, bytes, fds: [] };
        [parts, bytes] = [[], 0];
      }
      if (fds || chunk.length > PIECE) yield* slices(chunk, fds ?? []);
      else if (chunk.length > 0) {
        parts.push(chunk);
        bytes += chunk.length;
      }
    }
    if (bytes > 0) yield { parts, bytes, fds: [] };
    return undefined;
  }
}

function* slices(chunk: Uint8Array, fds: readonly number[]): Generator<Piece> {
  for (let from = 0; from < chunk.length; from += PIECE) {
    const part = chunk.subarray(from, from + PIECE);
    yield { parts: [part], bytes: part.length, fds: from === 0 ? fds : [] };
  }
}

/** What is left behind the first bytes. */
function after(parts: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let [i, skip] = [0, bytes];
  for (; skip >= (parts[i] as Uint8Array).length; i++) skip -= (parts[i] as Uint8Array).length;
  return [(parts[i] as Uint8Array).subarray(skip), ...parts.slice(i + 1)];
}
