import {
  type AsyncOptions,
  type BlockingOptions,
  type DescriptorSource,
  Endpoint,
  type Framing,
  type SocketType,
} from '../../src/index.ts';
import { FRAMINGS, fill, socketpair } from './raw.ts';
import { ENDED, NOTHING_THERE, RECEIVE_TIMED_OUT, type Refusal, TRUNCATED } from './refusals.ts';

/**
 * One end of a connected pair that passes descriptors, in the words of the suites that run over every kind of end.
 * What is received is owned by the caller.
 */
export interface End {
  readonly fd: number;
  readonly type: SocketType;
  send(source: DescriptorSource, options?: BlockingOptions): void;
  trySend(source: DescriptorSource): boolean;
  sendAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void>;
  receive(options?: BlockingOptions): number;
  tryReceive(): number | undefined;
  receiveAsync(options?: AsyncOptions): Promise<number>;
  iterate(options?: AsyncOptions): AsyncGenerator<number, void, undefined>;
  shutdown(): void;
  destroy(): void;
  [Symbol.dispose](): void;
  detach(): number;
  ref(): this;
  unref(): this;
}

/** A form of receiving that does not wait on the event loop. */
export interface Receiver<E extends End> {
  readonly form: string;
  /** Takes what is there. */
  receive(end: E): number | undefined;
  /** What it comes to when nothing is there; 'nothing' is undefined. */
  readonly empty: 'blocks' | 'nothing' | Refusal;
}

/** A kind of end: how to make it, and where one kind differs from another. */
export interface Kind<E extends End = End> {
  readonly name: string;
  readonly type: SocketType;
  /** Makes an end, which takes ownership of the socket. */
  of(sockfd: number): E;
  /** Makes two connected ends, owned by the caller. */
  pair(): [E, E];
  /** Sends a descriptor past the library until there is no room. @returns how often that was */
  fill(end: E, fd: number): number;
  readonly receivers: readonly Receiver<E>[];
  /** What a call is told when the channel has ended. */
  readonly ended: { readonly send: Refusal; readonly receive: Refusal };
  /** What a receive is told of a descriptor that the kernel could not install. */
  readonly lost: Refusal;
}

/** An endpoint, whose own methods get their arguments, and whose results come back, as they are. */
export class EndpointEnd extends Endpoint implements End {
  send(...args: Parameters<Endpoint['sendFD']>): ReturnType<Endpoint['sendFD']> {
    return this.sendFD(...args);
  }

  trySend(...args: Parameters<Endpoint['trySendFD']>): ReturnType<Endpoint['trySendFD']> {
    return this.trySendFD(...args);
  }

  sendAsync(...args: Parameters<Endpoint['sendFDAsync']>): ReturnType<Endpoint['sendFDAsync']> {
    return this.sendFDAsync(...args);
  }

  receive(...args: Parameters<Endpoint['recvFD']>): ReturnType<Endpoint['recvFD']> {
    return this.recvFD(...args);
  }

  tryReceive(): ReturnType<Endpoint['tryRecvFD']> {
    return this.tryRecvFD();
  }

  receiveAsync(...args: Parameters<Endpoint['recvFDAsync']>): ReturnType<Endpoint['recvFDAsync']> {
    return this.recvFDAsync(...args);
  }

  iterate(...args: Parameters<Endpoint['descriptors']>): ReturnType<Endpoint['descriptors']> {
    return this.descriptors(...args);
  }
}

function endpoint(type: Framing): Kind<EndpointEnd> {
  const of = (sockfd: number): EndpointEnd => new EndpointEnd(sockfd);
  return {
    name: `endpoint/${type}`,
    type,
    of,
    pair: () => {
      const [a, b] = socketpair(type);
      return [of(a), of(b)];
    },
    fill: (end, fd) => fill(end.fd, fd),
    receivers: [
      { form: 'receive', receive: (end) => end.receive(), empty: 'blocks' },
      { form: 'receive, timeout 0', receive: (end) => end.receive({ timeout: 0 }), empty: RECEIVE_TIMED_OUT },
      { form: 'recvFDNonblock', receive: (end) => end.recvFDNonblock(), empty: NOTHING_THERE },
      { form: 'tryReceive', receive: (end) => end.tryReceive(), empty: 'nothing' },
    ],
    ended: { send: ENDED, receive: ENDED },
    lost: TRUNCATED,
  };
}

/** The kinds whose ends are endpoints. */
export const ENDPOINTS: readonly Kind<EndpointEnd>[] = FRAMINGS.map(endpoint);

/** Every kind. A new class of socket inherits the suites of test/socket/ by a row here. */
export const ENDS: readonly Kind[] = ENDPOINTS;

/** The kind of a name, which is how a fixture is told. */
export function kindOf(name: string | undefined): Kind {
  const found = ENDS.find((kind) => kind.name === name);
  if (!found) throw new Error(`no kind of end is called ${name}`);
  return found;
}
