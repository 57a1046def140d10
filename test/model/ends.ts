import { type AsyncOptions, Endpoint } from '../../src/index.ts';
import type { SendForm } from './history.ts';

/**
 * One end of a pair, whatever class it is of: every form of sending and receiving one descriptor. What these throw
 * is the row's own; outcome.ts says it in one word.
 */
export interface End {
  readonly fd: number;
  send(fd: number, timeout?: number): void;
  trySend(fd: number): boolean;
  sendAsync(fd: number, options: AsyncOptions): Promise<void>;
  receive(timeout?: number): number;
  receiveNonblock(): number;
  tryReceive(): number | undefined;
  receiveAsync(options: AsyncOptions): Promise<number>;
  iterate(options: AsyncOptions): AsyncIterator<number, unknown>;
  ref(): unknown;
  unref(): unknown;
  shutdown(): void;
  destroy(): void;
  detach(): number;
}

/** A kind of ends. */
export interface Row {
  readonly name: string;
  /** Whether a message keeps its borders, or bytes without a descriptor run into the next message. */
  readonly type: 'seqpacket' | 'stream';
  /** The forms of sending that the end has. */
  readonly sends: readonly SendForm[];
  /** Whether iteration can be given a signal. */
  readonly iteratesWithSignal: boolean;
  /** Two connected sockets, owned by the caller. */
  pair(): [number, number];
  /** An end that owns the socket. */
  adopt(sockfd: number): End;
}

/** An {@link Endpoint} as an end. */
export class EndpointEnd implements End {
  readonly endpoint: Endpoint;

  constructor(sockfd: number) {
    this.endpoint = new Endpoint(sockfd);
  }

  get fd(): number {
    return this.endpoint.fd;
  }

  send(fd: number): void {
    this.endpoint.sendFD(fd);
  }

  trySend(): boolean {
    throw new Error('this endpoint has no trySendFD');
  }

  sendAsync(fd: number, options: AsyncOptions): Promise<void> {
    return this.endpoint.sendFDAsync(fd, options);
  }

  receive(timeout?: number): number {
    return this.endpoint.recvFD({ timeout });
  }

  receiveNonblock(): number {
    return this.endpoint.recvFDNonblock();
  }

  tryReceive(): number | undefined {
    return this.endpoint.tryRecvFD();
  }

  receiveAsync(options: AsyncOptions): Promise<number> {
    return this.endpoint.recvFDAsync(options);
  }

  iterate(): AsyncIterator<number, unknown> {
    return this.endpoint[Symbol.asyncIterator]();
  }

  ref(): unknown {
    return this.endpoint.ref();
  }

  unref(): unknown {
    return this.endpoint.unref();
  }

  shutdown(): void {
    this.endpoint.shutdown();
  }

  destroy(): void {
    this.endpoint.destroy();
  }

  detach(): number {
    return this.endpoint.detach();
  }
}
