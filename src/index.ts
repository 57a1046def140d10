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
export { type ListenOptions, UnixListener } from './unix-listener.ts';
export { type Message, type PeerCredentials, UnixSocket } from './unix-socket.ts';
export { UnixStream, type UnixStreamOptions } from './unix-stream.ts';
