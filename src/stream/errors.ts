import { ChannelError, SyscallError } from '../errors.ts';

/** A peer that is gone is EPIPE here, as it is of Node's own streams. */
export function asStreamError(error: unknown): Error {
  const ended = error instanceof ChannelError && error.code === 'ERR_FDCHANNEL_ENDED';
  return (ended && error.cause instanceof Error ? error.cause : error) as Error;
}

/** Whether a peer that is gone made shutdown(2) superfluous: macOS reports that, Linux does not. */
export function isNotConnected(error: unknown): boolean {
  return error instanceof SyscallError && error.code === 'ENOTCONN';
}

export function truncated(): ChannelError {
  return new ChannelError(
    'ERR_FDCHANNEL_CONTROL_TRUNCATED',
    'descriptors that the peer sent are lost: the kernel could not install them here',
  );
}

export function unclaimed(most: number): ChannelError {
  return new ChannelError('ERR_FDCHANNEL_UNCLAIMED', `more than ${most} descriptors came that nobody took`);
}

/** Node's own errors, by code and text. */
export const closedBeforeConnection = (): Error =>
  coded('ERR_SOCKET_CLOSED_BEFORE_CONNECTION', 'Socket closed before the connection was established');

export const endedByPeer = (): Error => coded('EPIPE', 'This socket has been ended by the other party');

export const wasDestroyed = (): Error =>
  coded('ERR_STREAM_DESTROYED', 'Cannot call write after a stream was destroyed');

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
