import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, createReadStream, openSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import {
  closeFD,
  type DescriptorSource,
  descriptorOf,
  newConnectedSockets,
  newEndpoint,
} from '../src/index.ts';
import { isOpen } from './support/descriptors.ts';
import { closed, ready, withConnection } from './support/node-sockets.ts';
import { suite } from './support/suite.ts';

const FILE = import.meta.filename;

const INTEGER = 'a descriptor (an integer from 0 to 2147483647)';
const OBJECT = `${INTEGER}, or an open object that has one`;

const notInRange = [-1, 1.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31)];

const notADescriptor: readonly [value: unknown, got: string][] = [
  ['3', "the string '3'"],
  ['', "the string ''"],
  [null, 'null'],
  [undefined, 'undefined'],
  [3n, '3n'],
  [true, 'true'],
  [Symbol('3'), 'Symbol(3)'],
  [() => 3, 'a function'],
  [{}, 'an object of Object'],
  [[3], 'an object of Array'],
  [{ fd: '3' }, 'an object of Object'],
  [{ fd: null }, 'an object of Object'],
  [{ fd: 3n }, 'an object of Object'],
  [{ _handle: null }, 'an object of Object'],
  [Object.create(null), 'an object of no class'],
];

const typeError = (name: string, expected: string, got: string) => ({
  name: 'TypeError',
  code: 'ERR_INVALID_ARG_TYPE',
  message: `"${name}": expected ${expected}, got ${got}`,
});
const rangeError = (name: string, got: number) => ({
  name: 'RangeError',
  code: 'ERR_OUT_OF_RANGE',
  message: `"${name}": expected ${INTEGER}, got ${got}`,
});

/** Refused with the class, not only with its name. */
function refuses(call: () => unknown, expected: { name: string; code: string; message: string }): void {
  assert.throws(call, expected.name === 'RangeError' ? RangeError : TypeError);
  assert.throws(call, expected);
}

suite('no descriptor has', (test) => {
  for (const fd of notInRange) {
    test(`the number ${fd}`, () => {
      refuses(() => descriptorOf(fd), rangeError('source', fd));
      refuses(() => descriptorOf({ fd }), rangeError('source.fd', fd));
      refuses(() => closeFD(fd), rangeError('fd', fd));
      refuses(() => newEndpoint(fd), rangeError('sockfd', fd));
    });
  }

  for (const [index, [value, got]] of notADescriptor.entries()) {
    test(`what is no number: ${got} (${index})`, () => {
      const wrong = value as number;
      refuses(() => descriptorOf(wrong), typeError('source', OBJECT, got));
      refuses(() => closeFD(wrong), typeError('fd', INTEGER, got));
      refuses(() => newEndpoint(wrong), typeError('sockfd', INTEGER, got));
    });
  }

  test('an object, for what wants a number', () => {
    const fd = openSync(FILE, 'r');
    const got =
      'an object of Object, which owns its descriptor: give the number of one that nothing else owns';
    refuses(() => closeFD({ fd } as unknown as number), typeError('fd', INTEGER, got));
    assert.ok(isOpen(fd));
    closeSync(fd);
  });

  test('a closed FileHandle', async () => {
    const handle: FileHandle = await open(FILE);
    await handle.close();
    refuses(() => descriptorOf(handle), rangeError('source.fd', -1));
  });

  test('a stream of fs that is not open, or not any more', async () => {
    const stream = createReadStream(FILE);
    const source = stream as unknown as DescriptorSource;
    const expected = typeError('source', OBJECT, 'an object of ReadStream');
    refuses(() => descriptorOf(source), expected);
    await once(stream, 'open');
    stream.destroy();
    await once(stream, 'close');
    refuses(() => descriptorOf(source), expected);
  });

  test('a net.Socket that is not connected, or destroyed', async () => {
    const expected = typeError('source', OBJECT, 'an object of Socket');
    refuses(() => descriptorOf(new Socket()), expected);
    await withConnection({ port: 0, host: '127.0.0.1' }, async (client) => {
      client.destroy();
      refuses(() => descriptorOf(client), expected);
    });
  });

  test('a net.Server that does not listen, or not any more', async () => {
    const expected = typeError('source', OBJECT, 'an object of Server');
    const server = createServer();
    refuses(() => descriptorOf(server), expected);
    await closed(await ready(server.listen(0, '127.0.0.1'), 'listening'));
    refuses(() => descriptorOf(server), expected);
  });

  test('a dgram.Socket that is not bound, or closed', async () => {
    const socket = createSocket('udp4');
    assert.throws(() => descriptorOf(socket), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    await closed(socket);
    refuses(() => descriptorOf(socket), typeError('source', OBJECT, 'an object of Socket'));
  });

  test('a destroyed Endpoint', () => {
    const [a, b] = newConnectedSockets();
    const endpoint = newEndpoint(a);
    endpoint.destroy();
    closeFD(b);
    refuses(() => descriptorOf(endpoint), rangeError('source.fd', -1));
  });

  test('a detached Endpoint', () => {
    const [a, b] = newConnectedSockets();
    const endpoint = newEndpoint(a);
    assert.equal(endpoint.detach(), a);
    for (const fd of [a, b]) closeFD(fd);
    refuses(() => descriptorOf(endpoint), rangeError('source.fd', -1));
  });
});
