import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import { withChannel } from '../support/channel.ts';
import { type End, kindOf } from '../support/ends.ts';
import { receiveAll } from '../support/everything.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { takings } from '../support/forms.ts';
import { startFixture, startProcess } from '../support/processes.ts';
import { sendRaw } from '../support/raw.ts';
import { growSendBuffer } from '../support/raw-sockets.ts';
import { ENDED, NO_DESCRIPTOR, TRUNCATED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

const kind = kindOf('endpoint/seqpacket');
const forms = takings(kind);

/** The bytes of data, and the descriptors, of each kind of packet. */
const PACKETS = {
  empty: [0, 0, NO_DESCRIPTOR[1]],
  data: [1, 0, NO_DESCRIPTOR[1]],
  one: [0, 1, 'a descriptor'],
  two: [0, 2, TRUNCATED[1]],
} as const;

type Packet = keyof typeof PACKETS;

const empties = (count: number): Packet[] => Array(count).fill('empty');

/** What the peer sends before it leaves. Of an empty packet, recvmsg(2) says what it says of the end. */
const histories: [what: string, packets: readonly Packet[]][] = [
  ['nothing', []],
  ['one empty packet', empties(1)],
  ['two empty packets', empties(2)],
  ['three hundred empty packets', empties(300)],
  ['an empty packet and a descriptor', ['empty', 'one']],
  ['two empty packets and a descriptor', [...empties(2), 'one']],
  ['three empty packets and a descriptor', [...empties(3), 'one']],
  ['three hundred empty packets and a descriptor', [...empties(300), 'one']],
  ['two empty packets and two descriptors in one', [...empties(2), 'two']],
  ['two empty packets and data', [...empties(2), 'data']],
  [
    'descriptors before, between and behind empty packets',
    ['one', ...empties(2), 'one', 'one', ...empties(130), 'one', ...empties(2)],
  ],
];

const leaves: [how: string, leave: (peer: End, own: End) => void][] = [
  ['closes', (peer) => peer.destroy()],
  ['shuts down', (peer) => peer.shutdown()],
  ['is shut out', (_, own) => own.shutdown()],
];

function sendAll(peer: End, packets: readonly Packet[], file: number): void {
  growSendBuffer(peer.fd);
  for (const packet of packets) {
    const [bytes, descriptors] = PACKETS[packet];
    sendRaw(peer.fd, bytes, Array(descriptors).fill(file));
  }
}

/** What a receiver has to see of the packets up to the last with a descriptor. */
function wanted(packets: readonly Packet[], inode: number): (number | string)[] {
  const last = packets.findLastIndex((packet) => PACKETS[packet][1] > 0);
  return packets.slice(0, last + 1).map((packet) => (packet === 'one' ? inode : PACKETS[packet][2]));
}

function assertSeen(outcomes: readonly (number | string)[], packets: readonly Packet[], inode: number): void {
  const all = wanted(packets, inode);
  assert.deepEqual(outcomes.slice(0, all.length), all);
  // Packets with no descriptor behind them may be told one by one, or be part of the end; it is the end for good.
  const rest = outcomes.slice(all.length);
  const faults = rest.filter((outcome) => outcome === NO_DESCRIPTOR[1]).length;
  assert.ok(
    faults <= packets.length - all.length,
    `${faults} faults for ${packets.length - all.length} packets`,
  );
  const ends = Array(rest.length - faults).fill(ENDED[1]);
  assert.deepEqual(rest, [...Array(faults).fill(NO_DESCRIPTOR[1]), ...ends]);
}

for (const [what, packets] of histories) {
  suite(`the peer sends ${what}, seqpacket`, (test) => {
    for (const [how, leave] of leaves) {
      for (const taking of forms) {
        test(`and ${how}: ${taking.form} gives every descriptor, and then the end`, () =>
          withChannel(kind, (own, peer) =>
            withDescriptors([temporaryFile()], async (file) => {
              sendAll(peer, packets, file);
              leave(peer, own);
              assertSeen(await receiveAll(taking, own), packets, fstatSync(file).ino);
            }),
          ));
      }
    }

    test('while somebody waits, and closes: every descriptor, and then the end', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile()], async (file) => {
          const waits = forms.find(({ form }) => form === 'receiveAsync') ?? assert.fail();
          const outcomes = receiveAll(waits, own);
          sendAll(peer, packets, file);
          peer.destroy();
          assertSeen(await outcomes, packets, fstatSync(file).ino);
        }),
      ));
  });
}

/** Makes a command run where the kernel does not tell how many descriptors wait in a socket. */
const hidden = (commands: string): string[] => [
  ...['unshare', '--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])],
  ...['sh', '-c', `set -e; ${commands}; exec "$@"`, 'sh'],
];

const hosts: [what: string, prefix: readonly string[]][] = [
  ['without /proc', hidden('mount -t tmpfs none /proc')],
  ['without /proc/self/fdinfo', hidden('mount -t tmpfs none "/proc/$$/fdinfo"')],
  [
    'whose /proc/self/fdinfo says nothing of sockets',
    hidden(
      'mount -t tmpfs none "/proc/$$/fdinfo"; for n in 3 4 5 6 7 8; do echo "pos: 0" >"/proc/$$/fdinfo/$n"; done',
    ),
  ],
];

async function runs(prefix: readonly string[]): Promise<boolean> {
  const [command = 'unshare', ...args] = [...prefix, 'true'];
  try {
    return (await startProcess(command, args).exit).code === 0;
  } catch {
    return false;
  }
}

suite('a host that does not count queued descriptors, seqpacket', (test) => {
  for (const [what, prefix] of hosts) {
    for (const count of [2, 300]) {
      test(`a descriptor behind ${count} empty packets is received on a host ${what}`, () =>
        withDescriptors([temporaryFile()], async (file) => {
          if (!(await runs(prefix))) skip('nothing can be mounted here');
          const packets: Packet[] = [...empties(count), 'one'];
          const fds = forms.map(() => {
            const [own, peer] = kind.pair();
            sendAll(peer, packets, file);
            peer.destroy();
            return own.detach();
          });
          const fixture = startFixture('receives-everything.ts', { prefix, fds });
          await withDescriptors(fds, async () => {
            const { code, stdout, stderr } = await fixture.exit;
            assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
            const { ino } = fstatSync(file);
            for (const line of stdout.trim().split('\n')) {
              const outcomes: (number | string)[] = JSON.parse(line);
              const told = outcomes.filter((outcome) => outcome !== NO_DESCRIPTOR[1]);
              assert.deepEqual(told, [ino, ...Array(4).fill(ENDED[1])]);
              assert.ok(outcomes.indexOf(ino) <= count, 'no more faults than empty packets');
            }
            assert.equal(stdout.trim().split('\n').length, fds.length);
          });
        }));
    }
  }
});
