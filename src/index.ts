export type { Framing, SocketType } from './abi/abi.ts';
export type {
  AsyncOptions,
  BatchOptions,
  BlockingOptions,
  BlockingOptions as ReceiveOptions,
  EndpointOptions,
} from './arguments.ts';
export { closeFD, closeFDs, type DescriptorSource, descriptorOf } from './descriptors.ts';
export { Endpoint, newConnectedSockets, newEndpoint } from './endpoint.ts';
export { ChannelError, type ChannelErrorCode, SyscallError, UnsupportedPlatformError } from './errors.ts';
export type { PeerCredentials } from './libc/sockets.ts';
export type { Message } from './socket/receiving.ts';
export { type ListenOptions, UnixListener } from './unix-listener.ts';
export { UnixSocket } from './unix-socket.ts';
