import assert from 'node:assert/strict';
import { readFileSync, readSync } from 'node:fs';
import type { Message, UnixSocket } from '../../src/index.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { sameFile } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';

/** How this side calls its socket: blocking, or on the event loop. */
export interface Form {
  send(socket: UnixSocket, data: string | Uint8Array, fds: readonly number[], to?: string): Promise<number>;
  receive(socket: UnixSocket): Promise<Message | null>;
}

export const BLOCKING: Form = {
  send: async (socket, data, fds, to) => socket.sendMessage(data, fds, { to, ...WITHIN_SECONDS }),
  receive: async (socket) => socket.recvMessage(WITHIN_SECONDS),
};

export const ASYNC: Form = {
  send: (socket, data, fds, to) => socket.sendMessageAsync(data, fds, { to, signal: soon() }),
  receive: (socket) => socket.recvMessageAsync({ signal: soon() }),
};

/** For a wait that is about to end: should it not, the test fails instead of hanging. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(WITHIN_SECONDS.timeout);
}

/** Someone at the other end, and how to speak to it. */
export interface Conversation {
  readonly socket: UnixSocket;
  readonly form: Form;
  /** The peer's address, of a datagram socket. */
  readonly to?: string;
  /** What the peer's language sends in place of an empty packet that has descriptors, where it does. */
  readonly emptyPacket?: string | undefined;
}

interface Outgoing {
  readonly data: Uint8Array;
  /** The data that comes back, where it is not the same. */
  readonly answer?: Uint8Array;
  /** Which of the files. */
  readonly files: readonly number[];
}

/** The most descriptors of one message. */
const MOST = 253;

/** Every value of a byte, in an order that has no short period. */
export function bytes(count: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, (_, i) => i ^ (i >> 8)));
}

/**
 * Sends messages to a peer that writes 0, 1, 2 … into the descriptors of each, and sends its data and descriptors
 * back, the descriptors in the opposite order. Then asks for a descriptor of the peer's own.
 */
export async function exchange(conversation: Conversation): Promise<void> {
  const { socket, form, to, emptyPacket = '' } = conversation;
  const packets = socket.type !== 'stream';
  const messages: Outgoing[] = [
    { data: Buffer.from('one descriptor'), files: [0] },
    { data: Buffer.from('several, one of them twice'), files: [0, 1, 2, 0] },
    { data: Buffer.from('none'), files: [] },
    ...(packets ? [{ data: Buffer.alloc(0), answer: Buffer.from(emptyPacket), files: [1, 2] }] : []),
    { data: bytes(30_000), files: [2] },
    { data: Buffer.from('253'), files: Array.from({ length: MOST }, (_, i) => (i * i) % 3) },
  ];
  await withDescriptors([temporaryFile(), temporaryFile(), temporaryFile()], async (...fds) => {
    for (const { data, files } of messages) {
      const sent = await form.send(
        socket,
        data,
        files.map((file) => fds[file] as number),
        to,
      );
      assert.equal(sent, data.length);
    }
    if (packets) for (const message of messages) await receivePacket(conversation, message, fds);
    else await receiveBytes(conversation, messages, fds);
    for (const [file, fd] of fds.entries()) {
      const written = messages.flatMap(({ files }) =>
        files.flatMap((of, i) => (of === file ? `${i}\n` : [])),
      );
      assert.equal(readFileSync(`/dev/fd/${fd}`, 'utf8'), written.join(''), `file ${file}`);
    }
  });
  await receiveNewPipe(conversation);
}

async function receivePacket(
  { socket, form, to }: Conversation,
  { data, answer = data, files }: Outgoing,
  fds: readonly number[],
): Promise<void> {
  const message = await received(form, socket);
  try {
    assert.ok(message.data.equals(answer), `got ${message.data}, wanted ${answer}`);
    assert.equal(message.from, to);
    assertFiles(message, files.map((file) => fds[file] as number).reverse());
  } finally {
    message[Symbol.dispose]();
  }
}

/** A stream joins and divides messages. Descriptors come no later than the first byte of their own. */
async function receiveBytes(
  { socket, form }: Conversation,
  messages: readonly Outgoing[],
  fds: readonly number[],
): Promise<void> {
  const expected = Buffer.concat(messages.map(({ data }) => data));
  let start = 0;
  const groups = messages.flatMap(({ data, files }) => {
    const group = { start, fds: files.map((file) => fds[file] as number).reverse() };
    start += data.length;
    return files.length > 0 ? [group] : [];
  });
  for (let at = 0; at < expected.length; ) {
    const message = await received(form, socket);
    try {
      const end = at + message.data.length;
      assert.ok(message.data.equals(expected.subarray(at, end)), `the data from byte ${at} to ${end}`);
      if (message.fds.length > 0) {
        const group = groups.shift();
        assert.ok(group && at <= group.start, `unexpected descriptors with the bytes from ${at} to ${end}`);
        assertFiles(message, group.fds);
      }
      assert.ok(!groups[0] || groups[0].start >= end, `no descriptors with the bytes from ${at} to ${end}`);
      at = end;
    } finally {
      message[Symbol.dispose]();
    }
  }
}

async function receiveNewPipe({ socket, form, to }: Conversation): Promise<void> {
  await form.send(socket, 'pipe', [], to);
  const message = await received(form, socket);
  try {
    assert.equal(message.data.toString(), 'pipe');
    assert.equal(message.fds.length, 1);
    const text = Buffer.alloc(20);
    const length = readSync(message.fds[0] as number, text);
    assert.equal(text.toString('utf8', 0, length), 'from the peer');
  } finally {
    message[Symbol.dispose]();
  }
}

async function received(form: Form, socket: UnixSocket): Promise<Message> {
  const message = await form.receive(socket);
  assert.ok(message, 'the end came too early');
  return message;
}

function assertFiles(message: Message, fds: readonly number[]): void {
  assert.deepEqual([message.truncated, message.controlTruncated], [false, false]);
  assert.equal(message.fds.length, fds.length, 'descriptors received');
  for (const [i, fd] of message.fds.entries()) {
    assert.ok(sameFile(fd, fds[i] as number), `descriptor ${i} is another file`);
  }
}
