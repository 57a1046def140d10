import assert from 'node:assert/strict';
import { fstatSync, readSync, writeSync } from 'node:fs';
import { closeFD, type Endpoint } from '../../src/index.ts';
import {
  assertReceives,
  assertRefused,
  assertWorks,
  ENDED,
  NO_DESCRIPTOR,
  SOON,
  TRUNCATED,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { forms, outcomeOf } from '../support/everything.ts';
import { sendRaw } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

/** How many bytes may come with a descriptor. */
const FEW = 8;

const counts = Array.from({ length: FEW }, (_, i) => i + 1);

const sends: [form: string, send: (endpoint: Endpoint, fd: number) => unknown][] = [
  ['sendFD', (endpoint, fd) => endpoint.sendFD(fd)],
  ['sendFD with a timeout', (endpoint, fd) => endpoint.sendFD(fd, SOON)],
  ['trySendFD', (endpoint, fd) => endpoint.trySendFD(fd)],
  ['sendFDAsync', (endpoint, fd) => endpoint.sendFDAsync(fd)],
];

suite('the bytes of a stream', (test) => {
  for (const [form, send] of sends) {
    test(`${form} sends one of value 1 with each descriptor`, () =>
      withChannel('stream', (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          for (let i = 0; i < 3; i++) await send(own, file);
          own.shutdown();
          // read(2) drops the descriptors, and gives the bytes of one message at a time.
          const bytes: number[] = [];
          for (const room = Buffer.alloc(100); ; ) {
            const count = readSync(peer.fd, room);
            if (count === 0) break;
            bytes.push(...room.subarray(0, count));
          }
          assert.deepEqual(bytes, [1, 1, 1]);
        }),
      ));
  }

  for (const [form, receive] of Object.entries(forms)) {
    test(`${form} takes a descriptor with up to ${FEW} of them`, () =>
      withChannel('stream', (own, peer) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
          const inodes = files.map((fd) => fstatSync(fd).ino);
          for (const count of counts) for (const fd of files) sendRaw(peer.fd, count, [fd]);
          for (const _ of counts)
            for (const inode of inodes) assert.equal(await outcomeOf(() => receive(own)), inode);
          assert.equal(own.tryRecvFD(), undefined, 'no byte is left');
          assertWorks(own, peer);
        }),
      ));

    test(`${form} refuses one that comes alone`, () =>
      withChannel('stream', (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          for (const byte of [0, 1, 255]) {
            writeSync(peer.fd, Uint8Array.of(byte));
            assert.equal(await outcomeOf(() => receive(own)), NO_DESCRIPTOR[1]);
          }
          assert.equal(own.tryRecvFD(), undefined);
          peer.sendFD(file);
          assert.equal(await outcomeOf(() => receive(own)), fstatSync(file).ino);
        }),
      ));

    test(`${form} refuses two descriptors, however few come along, and leaves nothing of them`, () =>
      withChannel('stream', (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          for (const count of counts) {
            sendRaw(peer.fd, count, [file, file]);
            assert.equal(await outcomeOf(() => receive(own)), TRUNCATED[1]);
            assert.equal(own.tryRecvFD(), undefined);
          }
          assertWorks(own, peer);
        }),
      ));
  }

  test('bytes of any value come with a descriptor', () =>
    withChannel('stream', (own, peer) =>
      withDescriptors([temporaryFile()], (file) => {
        // Linux joins what was written without a descriptor to the next bytes that have one.
        for (let byte = 0; byte < 256; byte++) {
          writeSync(peer.fd, Uint8Array.of(byte, 255 - byte));
          peer.sendFD(file);
          assertReceives(own, file);
        }
        assert.equal(own.tryRecvFD(), undefined);
      }),
    ));

  test('more of them than come with a descriptor are a fault of their own, and the next descriptor is received', () =>
    withChannel('stream', (own, peer) =>
      withDescriptors([temporaryFile(), temporaryFile()], (...files) => {
        const [file, next] = files as [number, number];
        sendRaw(peer.fd, FEW + 1, [file]);
        assertReceives(own, file);
        assertRefused(() => own.recvFD(SOON), NO_DESCRIPTOR);
        assert.equal(own.tryRecvFD(), undefined);
        peer.sendFD(next);
        assertReceives(own, next);
      }),
    ));

  test('a thousand of them are few faults, no descriptor is lost, and then it ends', () =>
    withChannel('stream', (own, peer) =>
      withDescriptors([temporaryFile()], (file) => {
        sendRaw(peer.fd, 1000, [file]);
        peer.sendFD(file);
        peer.destroy();
        const received: string[] = [];
        for (let faults = 0; faults <= 1000; ) {
          try {
            closeFD(own.recvFD(SOON));
            received.push('descriptor');
          } catch (error) {
            const { code } = error as { code: string };
            if (code === ENDED[1]) break;
            assert.equal(code, NO_DESCRIPTOR[1]);
            faults++;
          }
        }
        assert.deepEqual(received, ['descriptor', 'descriptor']);
        assertRefused(() => own.recvFD(SOON), ENDED);
      }),
    ));
});
