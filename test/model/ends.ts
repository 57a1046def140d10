import { type End, EndpointEnd, type LoopEnd } from '../support/ends.ts';
import { socketpair } from '../support/raw.ts';

/** A kind of ends: how to make a pair, and where one kind differs from another. */
export interface Row {
  readonly name: string;
  /** Whether a message keeps its borders, or bytes without a descriptor run into the next message. */
  readonly type: 'seqpacket' | 'stream';
  /** How many bytes of a stream one receive takes. */
  readonly readBytes: number;
  /** Whether its ends read by themselves, and have only the forms of the event loop, without signals. */
  readonly readsAhead: boolean;
  /** Whether its ends have all the forms of an endpoint. */
  readonly isEndpoint: boolean;
  /** Two connected sockets, owned by the caller. */
  pair(): [number, number];
  /** An end that owns the socket. */
  adopt(sockfd: number): ModelEnd;
}

/** An end of the suites, and the forms that only an endpoint has. */
export interface ModelEnd extends End {
  /** Receives what is there, and throws EAGAIN when there is nothing. */
  receiveNonblock?(): number;
  /** Sends what there is room for. @returns how many */
  sendMany?(sources: readonly number[]): number;
  /** Receives what is there, so many at most. */
  receiveMany?(max: number): number[];
}

/** An endpoint as an end. */
export class EndpointModelEnd extends EndpointEnd implements ModelEnd {
  receiveNonblock(): number {
    return this.recvFDNonblock();
  }

  sendMany(sources: readonly number[]): number {
    return this.trySendFDs(sources);
  }

  receiveMany(max: number): number[] {
    return this.tryRecvFDs({ max });
  }
}

/** A row of a class. */
export function rowOf(
  name: string,
  type: Row['type'],
  End: new (sockfd: number) => ModelEnd,
  readBytes: number,
): Row {
  const isEndpoint = 'receiveNonblock' in End.prototype;
  return {
    ...{ name, type, readBytes, readsAhead: false, isEndpoint },
    pair: () => socketpair(type),
    adopt: (fd) => new End(fd),
  };
}

/** A row of ends that read ahead. */
export function rowOfStreams(name: string, End: new (sockfd: number) => LoopEnd, readBytes: number): Row {
  return {
    ...{ name, type: 'stream', readBytes, readsAhead: true, isEndpoint: false },
    pair: () => socketpair('stream'),
    // Nothing calls the other forms.
    adopt: (fd) => new End(fd) as ModelEnd,
  };
}

/** How many bytes a stream reads at once. */
export const STREAM_BYTES = 65_536;

/** How many bytes an endpoint takes with a descriptor. */
export const ENDPOINT_BYTES = 8;
