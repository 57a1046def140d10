import assert from 'node:assert/strict';
import type { Framing } from '../../src/abi/abi.ts';
import { closeFD, Endpoint } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { callInProcess, callInThread } from '../support/calls.ts';
import {
  assertReceives,
  assertRefused,
  ENDED,
  FRAMINGS,
  SOON,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { type Process, startProcess } from '../support/processes.ts';
import { suite } from '../support/suite.ts';

/** More than a socket has room for. */
const TOO_MANY = 400;

const HAS_ENDED = { threw: { name: 'ChannelError', code: ENDED[1] } };

/** Runs the body with an endpoint whose peer is in another process, which reads its input and nothing else. */
async function withForeignPeer(
  framing: Framing,
  body: (own: Endpoint, kill: () => Promise<unknown>) => unknown,
): Promise<void> {
  const [near, far] = socketpair(libc(), framing);
  const own = new Endpoint(near);
  let peer: Process;
  try {
    peer = startProcess('sh', ['-c', 'echo ready; read input'], { fds: [far] });
  } finally {
    closeFD(far);
  }
  await peer.line();
  const kill = (): Promise<unknown> => {
    peer.child.kill('SIGKILL');
    return peer.exit;
  };
  try {
    await body(own, kill);
  } finally {
    await kill();
    own.destroy();
  }
}

for (const framing of FRAMINGS) {
  suite(`the process of the peer is killed, ${framing}`, (test) => {
    for (const options of [undefined, SOON]) {
      test(`wakes recvFD that blocks${options ? ' with a timeout' : ''}, with the end`, () =>
        withForeignPeer(framing, async (own, kill) => {
          const thread = await callInThread(own.fd, ['recvFD', options], ['recvFD', options]);
          await thread.blocked();
          await kill();
          for (let i = 0; i < 2; i++) assert.deepEqual(await thread.next(), HAS_ENDED);
          await thread.exit;
        }));
    }

    test('wakes sendFD that blocks, with the end', () =>
      withForeignPeer(framing, async (own, kill) => {
        const thread = await callInThread(own.fd, ...Array(TOO_MANY).fill(['sendFD', 0]));
        await thread.blocked();
        await kill();
        const outcomes = [];
        for (let i = 0; i < TOO_MANY; i++) outcomes.push(await thread.next());
        await thread.exit;
        const sent = outcomes.findIndex((outcome) => outcome.threw);
        assert.ok(sent > 0, `${sent} were sent`);
        assert.deepEqual(outcomes.slice(sent), Array(TOO_MANY - sent).fill(HAS_ENDED));
      }));

    test('after it has sent: what it sent comes first, then the end', () =>
      withChannel(framing, (own, peer) =>
        withDescriptors([temporaryFile(), temporaryFile()], async (...sent) => {
          const child = callInProcess(
            peer.fd,
            [...sent.map((_, i) => ['sendFD', 4 + i] as const), ['recvFD']],
            sent,
          );
          peer.destroy();
          for (const _ of sent) assert.deepEqual(await child.next(), {});
          child.child.kill('SIGKILL');
          await child.exit;
          for (const fd of sent) assertReceives(own, fd);
          assertRefused(() => own.recvFD(SOON), ENDED);
        }),
      ));
  });
}
