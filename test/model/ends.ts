import { type End, EndpointEnd } from '../support/ends.ts';
import { socketpair } from '../support/raw.ts';

/** A kind of ends, and what its calls are, in all their forms. */
export interface Row {
  readonly name: string;
  /** Whether a message keeps its borders, or bytes without a descriptor run into the next message. */
  readonly type: 'seqpacket' | 'stream';
  /** Two connected sockets, owned by the caller. */
  pair(): [number, number];
  /** An end that owns the socket. */
  adopt(sockfd: number): ModelEnd;
}

/** An end of the suites, and one form more. */
export interface ModelEnd extends End {
  /** Receives what is there, and throws EAGAIN when there is nothing. */
  receiveNonblock(): number;
}

/** An endpoint as an end. */
export class EndpointModelEnd extends EndpointEnd implements ModelEnd {
  receiveNonblock(): number {
    return this.recvFDNonblock();
  }
}

export function endpointRow(
  name: string,
  type: Row['type'],
  End: new (sockfd: number) => ModelEnd = EndpointModelEnd,
): Row {
  return { name, type, pair: () => socketpair(type), adopt: (sockfd) => new End(sockfd) };
}
