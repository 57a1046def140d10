import { createSocket as createUdpSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { DatagramSocket, type ReceivedInfo } from './unix-dgram/socket.ts';

export { DatagramSocket as Socket, type ReceivedInfo } from './unix-dgram/socket.ts';

type UdpListener = (message: Buffer, info: RemoteInfo) => void;

/**
 * The `createSocket` of the npm package unix-dgram 2.0, without its native code.
 *
 * @param type `'unix_dgram'`; `'udp4'` and `'udp6'` are `node:dgram`'s
 * @param listener listens for `'message'`
 * @throws {@link SyscallError} of `socket`
 * @see https://www.npmjs.com/package/unix-dgram
 */
export function createSocket(
  type: 'unix_dgram',
  listener?: (message: Buffer, info: ReceivedInfo) => void,
): DatagramSocket;
export function createSocket(type: 'udp4' | 'udp6', listener?: UdpListener): UdpSocket;
export function createSocket(
  type: string,
  listener?: (...args: never[]) => void,
): DatagramSocket | UdpSocket {
  if (type === 'udp4' || type === 'udp6') return createUdpSocket(type, listener as UdpListener);
  if (type !== 'unix_dgram') throw new Error(`Unsupported socket type: ${type}`);
  const socket = new DatagramSocket();
  if (typeof listener === 'function') socket.on('message', listener as (message: Buffer) => void);
  return socket;
}
