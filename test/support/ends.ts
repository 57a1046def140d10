import {
  type AsyncOptions,
  type BlockingOptions,
  ChannelError,
  type DescriptorSource,
  Endpoint,
  type Framing,
  type Message,
  type SocketType,
  UnixSocket,
} from '../../src/index.ts';
import { FRAMINGS, fill, socketpair } from './raw.ts';
import { ENDED, NOTHING_THERE, RECEIVE_TIMED_OUT, type Refusal, TRUNCATED } from './refusals.ts';
import { STREAM } from './stream-end.ts';

/**
 * One end of a connected pair that passes descriptors on the event loop, in the words of the suites that run over every
 * kind of end. What is received is owned by the caller.
 */
export interface LoopEnd {
  readonly fd: number;
  sendAsync(source: DescriptorSource): Promise<void>;
  receiveAsync(): Promise<number>;
  iterate(): AsyncGenerator<number, void, undefined>;
  destroy(): void;
  [Symbol.dispose](): void;
  ref(): this;
  unref(): this;
}

/** One that has every form. */
export interface End extends LoopEnd {
  readonly type: SocketType;
  send(source: DescriptorSource, options?: BlockingOptions): void;
  trySend(source: DescriptorSource): boolean;
  sendAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void>;
  receive(options?: BlockingOptions): number;
  tryReceive(): number | undefined;
  receiveAsync(options?: AsyncOptions): Promise<number>;
  iterate(options?: AsyncOptions): AsyncGenerator<number, void, undefined>;
  shutdown(): void;
  detach(): number;
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
export interface LoopKind<E extends LoopEnd = LoopEnd> {
  readonly name: string;
  readonly type: SocketType;
  /** Makes an end, which takes ownership of the socket. */
  of(sockfd: number): E;
  /** Makes two connected ends, owned by the caller. */
  pair(): [E, E];
  /** What a call is told when the channel has ended. */
  readonly ended: { readonly send: Refusal; readonly receive: Refusal };
}

/** A kind of ends that have every form. */
export interface Kind<E extends End = End> extends LoopKind<E> {
  /** Sends a descriptor past the library until there is no room. @returns how often that was */
  fill(end: E, fd: number): number;
  readonly receivers: readonly Receiver<E>[];
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

/**
 * A kind of ends whose sockets are of a type.
 *
 * @param others receivers that only this kind has
 */
function kindWith<E extends End>(
  name: string,
  type: SocketType,
  of: (sockfd: number) => E,
  others: readonly Receiver<E>[] = [],
): Kind<E> {
  return {
    name: `${name}/${type}`,
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
      ...others,
      { form: 'tryReceive', receive: (end) => end.tryReceive(), empty: 'nothing' },
    ],
    ended: { send: ENDED, receive: ENDED },
    lost: TRUNCATED,
  };
}

function endpoint(type: Framing): Kind<EndpointEnd> {
  return kindWith('endpoint', type, (sockfd) => new EndpointEnd(sockfd), [
    { form: 'recvFDNonblock', receive: (end) => end.recvFDNonblock(), empty: NOTHING_THERE },
  ]);
}

/** A socket that passes one descriptor a message, which ends and fails as an endpoint does. */
export class SocketEnd extends UnixSocket implements End {
  /** A stream drops descriptors that come without data. */
  protected readonly data: string = this.type === 'stream' ? 'x' : '';

  send(source: DescriptorSource, options?: BlockingOptions): void {
    this.sendMessage(this.data, [source], options);
  }

  trySend(source: DescriptorSource): boolean {
    return this.trySendMessage(this.data, [source]) !== undefined;
  }

  async sendAsync(source: DescriptorSource, options?: AsyncOptions): Promise<void> {
    await this.sendMessageAsync(this.data, [source], options);
  }

  receive(...args: Parameters<End['receive']>): number {
    return taken(this.recvMessage(...args));
  }

  tryReceive(): number | undefined {
    const message = this.tryRecvMessage();
    return message === undefined ? undefined : taken(message);
  }

  async receiveAsync(...args: Parameters<End['receiveAsync']>): Promise<number> {
    return taken(await this.recvMessageAsync(...args));
  }

  async *iterate(...args: Parameters<End['iterate']>): AsyncGenerator<number, void, undefined> {
    for await (const message of this.messages(...args)) yield taken(message);
  }
}

/** The descriptor of a message, whose end and losses are an endpoint's errors. */
function taken(message: Message | null): number {
  if (message === null) throw new ChannelError('ERR_FDCHANNEL_ENDED', 'null was received');
  const [fd] = message.fds;
  if (fd !== undefined && message.fds.length === 1 && !message.controlTruncated) return fd;
  const none = fd === undefined && !message.controlTruncated;
  message[Symbol.dispose]();
  const code = none ? 'ERR_FDCHANNEL_NO_DESCRIPTOR' : 'ERR_FDCHANNEL_CONTROL_TRUNCATED';
  throw new ChannelError(code, 'the message is not of one descriptor');
}

function socket(type: SocketType): Kind<SocketEnd> {
  return kindWith('socket', type, (sockfd) => new SocketEnd(sockfd));
}

/** The kinds whose ends are endpoints. */
export const ENDPOINTS: readonly Kind<EndpointEnd>[] = FRAMINGS.map(endpoint);

/** Every kind whose ends have every form. A new class of socket inherits the suites of test/socket/ by a row here. */
export const ENDS: readonly Kind[] = [...ENDPOINTS, socket('seqpacket'), socket('stream')];

/** Every kind, for suites that only wait on the event loop: {@link UnixStream} does nothing else, and reads ahead. */
export const LOOP_ENDS: readonly LoopKind[] = [...ENDS, STREAM];

/** Every kind, for suites that end nothing: a datagram socket has no end when its peer closes. */
export const PASSERS: readonly Kind[] = [...ENDS, socket('dgram')];

/** The kind of a name, which is how a fixture is told. */
export function kindOf(name: string | undefined): Kind {
  return named(PASSERS, name);
}

export function loopKindOf(name: string | undefined): LoopKind {
  return named(LOOP_ENDS, name);
}

function named<K extends LoopKind>(kinds: readonly K[], name: string | undefined): K {
  const found = kinds.find((kind) => kind.name === name);
  if (!found) throw new Error(`no kind of end is called ${name}`);
  return found;
}
