export type { Framing, SocketType } from './abi/abi.ts';
export type {
  AsyncOptions,
  BlockingOptions,
  BlockingOptions as ReceiveOptions,
  EndpointOptions,
} from './arguments.ts';
export { closeFD, type DescriptorSource, descriptorOf } from './descriptors.ts';
export { Endpoint, newConnectedSockets, newEndpoint } from './endpoint.ts';
export { ChannelError, type ChannelErrorCode, SyscallError, UnsupportedPlatformError } from './errors.ts';
