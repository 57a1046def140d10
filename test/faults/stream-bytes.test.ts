import assert from 'node:assert/strict';
import { fstatSync, readSync, writeSync } from 'node:fs';
import { closeFD, Endpoint } from '../../src/index.ts';
import { assertReceives, assertWorks, WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { EndpointEnd, kindOf } from '../support/ends.ts';
import { outcomeOf } from '../support/everything.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { givings, takings } from '../support/forms.ts';
import { sendRaw } from '../support/raw.ts';
import {
  assertRefused,
  BAD_RANGE,
  BAD_TYPE,
  ENDED,
  NO_DESCRIPTOR,
  type Refusal,
  TRUNCATED,
} from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

/** How many bytes may come with a descriptor. */
const FEW = 8;

const counts = Array.from({ length: FEW }, (_, i) => i + 1);

const kind = kindOf('endpoint/stream');

/** Every byte until the end. read(2) drops the descriptors, and gives the bytes of one message at a time. */
function bytesOf(sockfd: number): number[] {
  const bytes: number[] = [];
  for (const room = Buffer.alloc(100); ; ) {
    const count = readSync(sockfd, room);
    if (count === 0) return bytes;
    bytes.push(...room.subarray(0, count));
  }
}

suite('the byte that a stream endpoint sends', (test) => {
  for (const { form, give } of givings(kind)) {
    test(`${form} sends one of value 1 with each descriptor`, () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          for (let i = 0; i < 3; i++) await give(own, file);
          own.shutdown();
          assert.deepEqual(bytesOf(peer.fd), [1, 1, 1]);
        }),
      ));

    test(`${form} sends another value that is asked for`, () =>
      withDescriptors([temporaryFile()], async (file) => {
        for (const streamByte of [0, 1, 2, 255, undefined]) {
          const [first, peer] = kind.pair();
          const own = new EndpointEnd(first.detach(), { streamByte });
          await give(own, file);
          own.shutdown();
          assert.deepEqual(bytesOf(peer.fd), [streamByte ?? 1]);
          own.destroy();
          peer.destroy();
        }
      }));
  }

  test('what is no byte is refused, and the socket stays the caller’s', () =>
    withChannel(kind, (own, peer) => {
      const refused: [options: unknown, refusal: Refusal][] = [
        ...[-1, 256, 0.5, Number.NaN, 2 ** 32].map((value): [unknown, Refusal] => [
          { streamByte: value },
          BAD_RANGE,
        ]),
        ...['1', null, 1n, true].map((value): [unknown, Refusal] => [{ streamByte: value }, BAD_TYPE]),
        ...[null, 1, 'x'].map((options): [unknown, Refusal] => [options, BAD_TYPE]),
      ];
      for (const [options, refusal] of refused)
        assertRefused(() => new Endpoint(own.fd, options as object), refusal, String(options));
      assertWorks(own, peer);
    }));

  test('packets have no byte, whatever is asked for', () =>
    withDescriptors([temporaryFile()], (file) => {
      const [first, peer] = kindOf('endpoint/seqpacket').pair();
      const own = new EndpointEnd(first.detach(), { streamByte: 5 });
      own.send(file);
      assert.equal(readSync(peer.fd, Buffer.alloc(10)), 0);
      assertWorks(own, peer);
      own.destroy();
      peer.destroy();
    }));
});

suite('the bytes that a stream endpoint takes', (test) => {
  for (const taking of takings(kind)) {
    const { form } = taking;

    test(`${form} takes a descriptor with up to ${FEW} of them`, () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
          const inodes = files.map((fd) => fstatSync(fd).ino);
          for (const count of counts) for (const fd of files) sendRaw(peer.fd, count, [fd]);
          for (const _ of counts)
            for (const inode of inodes) assert.equal(await outcomeOf(taking, own), inode);
          assert.equal(own.tryReceive(), undefined, 'no byte is left');
          assertWorks(own, peer);
        }),
      ));

    test(`${form} refuses one that comes alone`, () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          for (const byte of [0, 1, 255]) {
            writeSync(peer.fd, Uint8Array.of(byte));
            assert.equal(await outcomeOf(taking, own), NO_DESCRIPTOR[1]);
          }
          assert.equal(own.tryReceive(), undefined);
          peer.send(file);
          assert.equal(await outcomeOf(taking, own), fstatSync(file).ino);
        }),
      ));

    test(`${form} refuses two descriptors, however few come along, and leaves nothing of them`, () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          for (const count of counts) {
            sendRaw(peer.fd, count, [file, file]);
            assert.equal(await outcomeOf(taking, own), TRUNCATED[1]);
            assert.equal(own.tryReceive(), undefined);
          }
          assertWorks(own, peer);
        }),
      ));
  }

  test('bytes of any value come with a descriptor', () =>
    withChannel(kind, (own, peer) =>
      withDescriptors([temporaryFile()], (file) => {
        // Linux joins what was written without a descriptor to the next bytes that have one.
        for (let byte = 0; byte < 256; byte++) {
          writeSync(peer.fd, Uint8Array.of(byte, 255 - byte));
          peer.send(file);
          assertReceives(own, file);
        }
        assert.equal(own.tryReceive(), undefined);
      }),
    ));

  test('more of them than come with a descriptor are a fault of their own, and the next descriptor is received', () =>
    withChannel(kind, (own, peer) =>
      withDescriptors([temporaryFile(), temporaryFile()], (...files) => {
        const [file, next] = files as [number, number];
        sendRaw(peer.fd, FEW + 1, [file]);
        assertReceives(own, file);
        assertRefused(() => own.receive(WITHIN_SECONDS), NO_DESCRIPTOR);
        assert.equal(own.tryReceive(), undefined);
        peer.send(next);
        assertReceives(own, next);
      }),
    ));

  test('a thousand of them are few faults, no descriptor is lost, and then it ends', () =>
    withChannel(kind, (own, peer) =>
      withDescriptors([temporaryFile()], (file) => {
        sendRaw(peer.fd, 1000, [file]);
        peer.send(file);
        peer.destroy();
        const received: string[] = [];
        for (let faults = 0; faults <= 1000; ) {
          try {
            closeFD(own.receive(WITHIN_SECONDS));
            received.push('descriptor');
          } catch (error) {
            const { code } = error as { code: string };
            if (code === ENDED[1]) break;
            assert.equal(code, NO_DESCRIPTOR[1]);
            faults++;
          }
        }
        assert.deepEqual(received, ['descriptor', 'descriptor']);
        assertRefused(() => own.receive(WITHIN_SECONDS), ENDED);
      }),
    ));
});
