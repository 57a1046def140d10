import assert from 'node:assert/strict';
import { ChannelError, type SocketType } from '../../src/index.ts';
import {
  assertReceives,
  assertWorks,
  recvTag,
  sendTag,
  WITHIN_SECONDS,
  withChannel,
} from '../support/channel.ts';
import { changes, openDescriptors } from '../support/descriptors.ts';
import { ENDPOINTS, type End, kindOf } from '../support/ends.ts';
import { tagOf, temporaryFile, withDescriptors } from '../support/files.ts';
import { takings } from '../support/forms.ts';
import { sendRaw, setNonblocking } from '../support/raw.ts';
import {
  assertRefused,
  assertRejects,
  ENDED,
  NO_DESCRIPTOR,
  type Refusal,
  TRUNCATED,
} from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { turns } from '../support/waits.ts';

type Lie = [what: string, types: readonly SocketType[], dataBytes: number, descriptors: number, Refusal];

const PACKETS: readonly SocketType[] = ['seqpacket'];
const ANY: readonly SocketType[] = ['seqpacket', 'stream'];

/** Messages that no endpoint sends, and what the receiver is told. */
const lies: Lie[] = [
  ['an empty packet without a descriptor', PACKETS, 0, 0, NO_DESCRIPTOR],
  ['a byte without a descriptor', ANY, 1, 0, NO_DESCRIPTOR],
  ['a long packet without a descriptor', PACKETS, 1000, 0, NO_DESCRIPTOR],
  ['two descriptors', ANY, 1, 2, TRUNCATED],
  ['two descriptors in an empty packet', PACKETS, 0, 2, TRUNCATED],
  ['three descriptors', ANY, 1, 3, TRUNCATED],
  ['253 descriptors', ANY, 1, 253, TRUNCATED],
  ['253 descriptors in a long packet', PACKETS, 1000, 253, TRUNCATED],
];

for (const [what, types, dataBytes, descriptors, refusal] of lies) {
  for (const kind of ENDPOINTS.filter(({ type }) => types.includes(type))) {
    const lie = (liar: End, file: number, bytes = dataBytes): void =>
      sendRaw(liar.fd, bytes, Array(descriptors).fill(file));

    suite(`the peer sends ${what}, ${kind.name}`, (test) => {
      for (const { form, take, assertRefuses } of takings(kind)) {
        test(`${form}: ${refusal[1]}, leaks nothing, and the channel works on`, () =>
          withChannel(kind, (liar, own) =>
            withDescriptors([temporaryFile()], async (file) => {
              const before = openDescriptors();
              for (let i = 0; i < 3; i++) {
                lie(liar, file);
                await assertRefuses(own, refusal);
              }
              assert.deepEqual(changes(before, openDescriptors()), []);
              sendTag(liar, 1);
              assert.equal(tagOf(await take(own)), 1);
              assertWorks(liar, own);
            }),
          ));
      }

      test('during a wait: it is rejected, and the next one goes on', () =>
        withChannel(kind, (liar, own) =>
          withDescriptors([temporaryFile()], async (file) => {
            const [first, second] = [assertRejects(own.receiveAsync(), refusal), recvTag(own)];
            await turns();
            lie(liar, file);
            await first;
            sendTag(liar, 1);
            assert.equal(await second, 1);
          }),
        ));

      test('in a loop: it throws, and another loop goes on', () =>
        withChannel(kind, (liar, own) =>
          withDescriptors([temporaryFile()], async (file) => {
            const got: number[] = [];
            const loop = async (): Promise<void> => {
              for await (const fd of own.iterate()) got.push(tagOf(fd));
            };
            const first = assertRejects(loop(), refusal);
            sendTag(liar, 1);
            while (got.length === 0) await turns(1);
            lie(liar, file);
            await first;
            assert.deepEqual(got, [1]);
            assertWorks(liar, own);
          }),
        ));

      test('between two descriptors, both of which arrive, then the end', () =>
        withChannel(kind, (liar, own) =>
          withDescriptors([temporaryFile()], (file) => {
            setNonblocking(own.fd);
            sendTag(liar, 1);
            lie(liar, file);
            sendTag(liar, 2);
            liar.destroy();
            const receive = (): number => tagOf(own.receive(WITHIN_SECONDS));
            assert.equal(receive(), 1);
            // The kernel delivers a byte that comes alone together with the next, which has a descriptor.
            const joined = kind.type === 'stream' && descriptors === 0;
            if (!joined) assertRefused(receive, refusal);
            assert.equal(receive(), 2);
            assertRefused(receive, ENDED);
          }),
        ));

      test('and shuts down at once: first the fault, then the end', () =>
        withChannel(kind, (liar, own) =>
          withDescriptors([temporaryFile()], (file) => {
            lie(liar, file, Math.max(1, dataBytes));
            liar.shutdown();
            assertRefused(() => own.receive(WITHIN_SECONDS), refusal);
            assertRefused(() => own.receive(WITHIN_SECONDS), ENDED);
          }),
        ));
    });
  }
}

const SEQPACKET = kindOf('endpoint/seqpacket');

suite('an empty packet, seqpacket', (test) => {
  const ways: [name: string, leave: (end: End) => void][] = [
    ['closes', (end) => end.destroy()],
    ['shuts down', (end) => end.shutdown()],
  ];
  for (const [name, leave] of ways) {
    test(`then data, then the peer ${name}: two faults, then the end`, () =>
      withChannel(SEQPACKET, (liar, own) => {
        sendRaw(liar.fd, 0);
        sendRaw(liar.fd, 1);
        leave(liar);
        for (let i = 0; i < 2; i++) assertRefused(() => own.receive(WITHIN_SECONDS), NO_DESCRIPTOR);
        assertRefused(() => own.receive(WITHIN_SECONDS), ENDED);
      }));
  }
});

suite('data beside a descriptor', (test) => {
  for (const dataBytes of [1, 2, 1000]) {
    test(`${dataBytes} bytes in the packet are dropped, the descriptor is received, seqpacket`, () =>
      withChannel(SEQPACKET, (peer, own) =>
        withDescriptors([temporaryFile()], (file) => {
          sendRaw(peer.fd, dataBytes, [file]);
          assertReceives(own, file);
          assertWorks(peer, own);
        }),
      ));
  }
});

suite('the errors of the channel', (test) => {
  const messages: [refusal: Refusal, says: RegExp, lie: (fd: number) => void][] = [
    [NO_DESCRIPTOR, /^the peer sent a packet without a descriptor$/, (fd) => sendRaw(fd, 1)],
    [TRUNCATED, /more than one, or the kernel could not install it/, (fd) => sendRaw(fd, 1, [0, 0])],
  ];
  for (const kind of ENDPOINTS) {
    for (const [[, code], says, lie] of messages) {
      test(`${code} says what may have happened, ${kind.name}`, () =>
        withChannel(kind, (liar, own) => {
          lie(liar.fd);
          assert.throws(
            () => own.receive(WITHIN_SECONDS),
            (error) => error instanceof ChannelError && error.code === code && says.test(error.message),
          );
        }));
    }
  }
});
