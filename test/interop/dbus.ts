import assert from 'node:assert/strict';
import type { UnixSocket } from '../../src/index.ts';
import { ASYNC } from './exchange.ts';

/** As much of D-Bus as a method call takes: https://dbus.freedesktop.org/doc/dbus-specification.html */

const LITTLE_ENDIAN = 0x6c;
export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;

/** The header's fields, by their codes, and the types of their values. */
const PATH = 1;
const INTERFACE = 2;
const MEMBER = 3;
export const REPLY_SERIAL = 5;
const DESTINATION = 6;
export const SENDER = 7;
const SIGNATURE = 8;
const UNIX_FDS = 9;
const TYPES: Readonly<Record<number, string>> = {
  [PATH]: 'o',
  [INTERFACE]: 's',
  [MEMBER]: 's',
  [REPLY_SERIAL]: 'u',
  [DESTINATION]: 's',
  [SENDER]: 's',
  [SIGNATURE]: 'g',
  [UNIX_FDS]: 'u',
};

type Fields = Map<number, string | number>;

export interface BusMessage {
  readonly type: number;
  readonly fields: Fields;
  readonly body: Buffer;
  /** Owned by the receiver. */
  readonly fds: number[];
}

export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: Buffer;
  readonly fds?: readonly number[];
}

/** A connection to a bus that is spoken to by hand. Its socket is the caller's. */
export class BusConnection {
  readonly #socket: UnixSocket;
  #bytes = Buffer.alloc(0);
  #fds: number[] = [];
  #serial = 0;

  constructor(socket: UnixSocket) {
    this.#socket = socket;
  }

  /** Says who this is, agrees that descriptors may be sent, and registers. @returns the connection's own name */
  async begin(): Promise<string> {
    const identity = Buffer.from(`${process.getuid?.()}`).toString('hex');
    await ASYNC.send(this.#socket, `\0AUTH EXTERNAL ${identity}\r\n`, []);
    assert.match(await this.#line(), /^OK [0-9a-f]{32}$/);
    await ASYNC.send(this.#socket, 'NEGOTIATE_UNIX_FD\r\n', []);
    assert.equal(await this.#line(), 'AGREE_UNIX_FD');
    await ASYNC.send(this.#socket, 'BEGIN\r\n', []);
    const bus = 'org.freedesktop.DBus';
    const serial = await this.call({
      destination: bus,
      path: '/org/freedesktop/DBus',
      interface: bus,
      member: 'Hello',
    });
    const reply = await this.receive(METHOD_RETURN);
    assert.equal(reply.fields.get(REPLY_SERIAL), serial);
    return stringAt(reply.body, 0);
  }

  /** Calls a method. The descriptors stay the caller's. @returns the call's serial number */
  async call({ signature, body = Buffer.alloc(0), fds = [], ...to }: MethodCall): Promise<number> {
    this.#serial += 1;
    const fields: Fields = new Map<number, string | number>([
      [PATH, to.path],
      [INTERFACE, to.interface],
      [MEMBER, to.member],
      [DESTINATION, to.destination],
    ]);
    if (signature !== undefined) fields.set(SIGNATURE, signature);
    if (fds.length > 0) fields.set(UNIX_FDS, fds.length);
    await ASYNC.send(this.#socket, encode(METHOD_CALL, this.#serial, fields, body), fds);
    return this.#serial;
  }

  /** Receives up to the next message of a type: the bus sends signals, too. */
  async receive(type: number): Promise<BusMessage> {
    for (;;) {
      await this.#has(16);
      const [bodyLength, , fieldsLength] = [4, 8, 12].map((at) => this.#bytes.readUInt32LE(at)) as [
        number,
        number,
        number,
      ];
      const bodyAt = aligned(16 + fieldsLength, 8);
      await this.#has(bodyAt + bodyLength);
      const bytes = this.#take(bodyAt + bodyLength);
      const fields = decodeFields(bytes.subarray(0, 16 + fieldsLength));
      // The bytes of a message never come before its descriptors.
      const fds = this.#fds.splice(0, Number(fields.get(UNIX_FDS) ?? 0));
      if (bytes[1] === type) return { type, fields, body: bytes.subarray(bodyAt), fds };
      assert.equal(fds.length, 0, 'descriptors with a message of another type');
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n');
      if (end >= 0) return this.#take(end + 2).toString('latin1', 0, end);
      await this.#has(this.#bytes.length + 1);
    }
  }

  async #has(count: number): Promise<void> {
    while (this.#bytes.length < count) {
      const message = await ASYNC.receive(this.#socket);
      assert.ok(message, 'the bus has closed the connection');
      this.#bytes = Buffer.concat([this.#bytes, message.data]);
      this.#fds.push(...message.fds);
    }
  }

  #take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }
}

/** The value of a STRING that begins at an offset. */
export function stringAt(bytes: Buffer, offset: number): string {
  return bytes.toString('utf8', offset + 4, offset + 4 + bytes.readUInt32LE(offset));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function string(value: string): Buffer {
  return Buffer.concat([uint32(Buffer.byteLength(value)), Buffer.from(`${value}\0`)]);
}

function signature(value: string): Buffer {
  return Buffer.from(`${String.fromCharCode(value.length)}${value}\0`);
}

function encode(type: number, serial: number, fields: Fields, body: Buffer): Buffer {
  let array = Buffer.alloc(0);
  for (const [code, value] of fields) {
    const kind = TYPES[code] as string;
    // A field is a structure, aligned to 8: the code, the signature of its type, and the value, aligned to 4 by that.
    const encoded =
      typeof value === 'number' ? uint32(value) : kind === 'g' ? signature(value) : string(value);
    array = Buffer.concat([padded(array, 8), Buffer.from([code]), signature(kind), encoded]);
  }
  const header = Buffer.from([LITTLE_ENDIAN, type, 0, 1]);
  const head = Buffer.concat([header, uint32(body.length), uint32(serial), uint32(array.length), array]);
  return Buffer.concat([padded(head, 8), body]);
}

function decodeFields(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  for (let at = 16; at < bytes.length; ) {
    at = aligned(at, 8);
    const code = bytes[at] as number;
    const kind = TYPES[code];
    assert.ok(
      kind !== undefined && bytes.toString('latin1', at + 1, at + 4) === `\u0001${kind}\0`,
      `field ${code}`,
    );
    at += 4;
    if (kind === 'u') {
      fields.set(code, bytes.readUInt32LE(at));
      at += 4;
    } else if (kind === 'g') {
      const length = bytes[at] as number;
      fields.set(code, bytes.toString('latin1', at + 1, at + 1 + length));
      at += length + 2;
    } else {
      const value = stringAt(bytes, at);
      fields.set(code, value);
      at += 4 + Buffer.byteLength(value) + 1;
    }
  }
  return fields;
}

function aligned(offset: number, to: number): number {
  return Math.ceil(offset / to) * to;
}

function padded(bytes: Buffer, to: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(aligned(bytes.length, to) - bytes.length)]);
}
