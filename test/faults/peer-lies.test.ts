import assert from 'node:assert/strict';
import type { Framing } from '../../src/abi/abi.ts';
import { ChannelError, type Endpoint } from '../../src/index.ts';
import {
  assertReceives,
  assertRefused,
  assertWorks,
  ENDED,
  FRAMINGS,
  NO_DESCRIPTOR,
  type Refusal,
  SOON,
  TRUNCATED,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { sendRaw, setNonblocking } from '../support/raw.ts';
import { suite } from '../support/suite.ts';

const receivers: [form: string, receive: (endpoint: Endpoint) => number | undefined][] = [
  ['recvFD', (endpoint) => endpoint.recvFD()],
  ['recvFD with a timeout', (endpoint) => endpoint.recvFD(SOON)],
  ['recvFDNonblock', (endpoint) => endpoint.recvFDNonblock()],
  ['tryRecvFD', (endpoint) => endpoint.tryRecvFD()],
];

type Lie = [what: string, framings: readonly Framing[], dataBytes: number, descriptors: number, Refusal];

const SEQPACKET: readonly Framing[] = ['seqpacket'];

/** Messages that no endpoint sends, and what the receiver is told. */
const lies: Lie[] = [
  ['an empty packet without a descriptor', SEQPACKET, 0, 0, NO_DESCRIPTOR],
  ['a byte without a descriptor', FRAMINGS, 1, 0, NO_DESCRIPTOR],
  ['a long packet without a descriptor', SEQPACKET, 1000, 0, NO_DESCRIPTOR],
  ['two descriptors', FRAMINGS, 1, 2, TRUNCATED],
  ['two descriptors in an empty packet', SEQPACKET, 0, 2, TRUNCATED],
  ['three descriptors', FRAMINGS, 1, 3, TRUNCATED],
  ['253 descriptors', FRAMINGS, 1, 253, TRUNCATED],
  ['253 descriptors in a long packet', SEQPACKET, 1000, 253, TRUNCATED],
];

for (const [what, framings, dataBytes, descriptors, refusal] of lies) {
  for (const framing of framings) {
    suite(`the peer sends ${what}, ${framing}`, (test) => {
      for (const [form, receive] of receivers) {
        test(`${form} throws ${refusal[1]}, leaks nothing, and the channel works on`, () =>
          withChannel(framing, (liar, endpoint) =>
            withDescriptors([temporaryFile(), temporaryFile()], (file, other) => {
              const before = openDescriptors();
              for (let i = 0; i < 3; i++) {
                sendRaw(liar.fd, dataBytes, Array(descriptors).fill(file));
                assertRefused(() => receive(endpoint), refusal);
              }
              assert.deepEqual(changes(before, openDescriptors()), []);
              liar.sendFD(other as number);
              assertReceives(endpoint, other as number, receive);
              assertWorks(liar, endpoint);
            }),
          ));
      }

      test('between two descriptors, both of which arrive, then the end', () =>
        withChannel(framing, (liar, endpoint) =>
          withDescriptors([temporaryFile(), temporaryFile()], (file, other) => {
            setNonblocking(endpoint.fd);
            liar.sendFD(file as number);
            sendRaw(liar.fd, dataBytes, Array(descriptors).fill(file));
            liar.sendFD(other as number);
            liar.destroy();
            assertReceives(endpoint, file as number);
            // The kernel delivers a byte that comes alone together with the next, which has a descriptor.
            const joined = framing === 'stream' && descriptors === 0;
            if (!joined) assertRefused(() => endpoint.recvFD(SOON), refusal);
            assertReceives(endpoint, other as number);
            assertRefused(() => endpoint.recvFD(SOON), ENDED);
          }),
        ));

      test('and shuts down at once: first the fault, then the end', () =>
        withChannel(framing, (liar, endpoint) =>
          withDescriptors([temporaryFile()], (file) => {
            sendRaw(liar.fd, Math.max(1, dataBytes), Array(descriptors).fill(file));
            liar.shutdown();
            assertRefused(() => endpoint.recvFD(SOON), refusal);
            assertRefused(() => endpoint.recvFD(SOON), ENDED);
          }),
        ));
    });
  }
}

suite('an empty packet, seqpacket', (test) => {
  const ways: [name: string, leave: (endpoint: Endpoint) => void][] = [
    ['closes', (endpoint) => endpoint.destroy()],
    ['shuts down', (endpoint) => endpoint.shutdown()],
  ];
  for (const [name, leave] of ways) {
    test(`then a descriptor, then the peer ${name}: the fault, the descriptor, the end`, () =>
      withChannel('seqpacket', (liar, endpoint) =>
        withDescriptors([temporaryFile()], (file) => {
          sendRaw(liar.fd, 0);
          liar.sendFD(file);
          leave(liar);
          assertRefused(() => endpoint.recvFD(SOON), NO_DESCRIPTOR);
          assertReceives(endpoint, file);
          assertRefused(() => endpoint.recvFD(SOON), ENDED);
        }),
      ));

    test(`then data, then the peer ${name}: two faults, then the end`, () =>
      withChannel('seqpacket', (liar, endpoint) => {
        sendRaw(liar.fd, 0);
        sendRaw(liar.fd, 1);
        leave(liar);
        for (let i = 0; i < 2; i++) assertRefused(() => endpoint.recvFD(SOON), NO_DESCRIPTOR);
        assertRefused(() => endpoint.recvFD(SOON), ENDED);
      }));
  }
});

suite('data beside a descriptor', (test) => {
  for (const dataBytes of [1, 2, 1000]) {
    test(`${dataBytes} bytes in the packet are dropped, the descriptor is received, seqpacket`, () =>
      withChannel('seqpacket', (peer, endpoint) =>
        withDescriptors([temporaryFile()], (file) => {
          sendRaw(peer.fd, dataBytes, [file]);
          assertReceives(endpoint, file);
          assertWorks(peer, endpoint);
        }),
      ));
  }

  test('up to eight bytes are dropped, and more are a fault of their own, stream', () =>
    withChannel('stream', (peer, endpoint) =>
      withDescriptors([temporaryFile()], (file) => {
        for (const dataBytes of [1, 4, 8, 17]) {
          sendRaw(peer.fd, dataBytes, [file]);
          assertReceives(endpoint, file);
        }
        for (let i = 0; i < 2; i++) assertRefused(() => endpoint.recvFD(SOON), NO_DESCRIPTOR);
        assertWorks(peer, endpoint);
      }),
    ));
});

suite('the errors of the channel', (test) => {
  const messages: [refusal: Refusal, says: RegExp, lie: (fd: number) => void][] = [
    [NO_DESCRIPTOR, /^the peer sent a packet without a descriptor$/, (fd) => sendRaw(fd, 1)],
    [TRUNCATED, /more than one, or the kernel could not install it/, (fd) => sendRaw(fd, 1, [0, 0])],
  ];
  for (const framing of FRAMINGS) {
    for (const [[, code], says, lie] of messages) {
      test(`${code} says what may have happened, ${framing}`, () =>
        withChannel(framing, (liar, endpoint) => {
          lie(liar.fd);
          assert.throws(
            () => endpoint.recvFD(SOON),
            (error) => error instanceof ChannelError && error.code === code && says.test(error.message),
          );
        }));
    }
  }
});
