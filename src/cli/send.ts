import { openSync } from 'node:fs';
import { closeFDs, UnixSocket } from '../index.ts';
import type { Send } from './command-line.ts';

const STANDARD_INPUT = 0;

/** What goes with the descriptors, as a stream drops those that come without data. */
const BYTE = Buffer.of(1);

/** Passes files, or standard input, and waits until the receiver has taken them. */
export async function send({ address, type, files }: Send): Promise<void> {
  const opened: number[] = [];
  try {
    for (const file of files) opened.push(openSync(file, 'r'));
    const socket = await UnixSocket.connectAsync(address, { type });
    try {
      await socket.sendMessageAsync(BYTE, opened.length > 0 ? opened : [STANDARD_INPUT]);
      if (socket.type !== 'dgram') await untilTaken(socket);
    } finally {
      socket.destroy();
    }
  } finally {
    closeFDs(opened);
  }
}

/** The receiver closes the connection when it has what it wants; the kernel tells whether it has left anything. */
async function untilTaken(socket: UnixSocket): Promise<void> {
  socket.shutdown('write');
  for await (const message of socket) message[Symbol.dispose]();
  if (socket.reset) throw new Error('the receiver has closed the connection without taking what was sent');
}
