export { type DescriptorSource, descriptorOf } from './descriptors.ts';
export {
  type AsyncOptions,
  closeFD,
  Endpoint,
  newConnectedSockets,
  newEndpoint,
  type ReceiveOptions,
} from './endpoint.ts';
export { ChannelError, type ChannelErrorCode, SyscallError, UnsupportedPlatformError } from './errors.ts';
