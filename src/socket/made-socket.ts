import type { SocketType } from '../abi/abi.ts';

/** A socket that this library has made itself: what it is need not be asked. */
export class MadeSocket {
  readonly fd: number;
  readonly type: SocketType;

  constructor(fd: number, type: SocketType) {
    this.fd = fd;
    this.type = type;
  }
}
