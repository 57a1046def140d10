import assert from 'node:assert/strict';
import { UnixListener, UnixSocket } from '../../src/index.ts';
import { assertEnded, type Name, onceThere, unlessEnded, withName } from '../support/named.ts';
import { type Process, startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';
import { ASYNC, bytes, soon } from './exchange.ts';
import { succeeds } from './programs.ts';

/** socat has a number for the type (bits/socket_type.h). */
const SOCKTYPE = { stream: 1, dgram: 2, seqpacket: 5 } as const;

const MESSAGES = ['first', 'second', bytes(8000)].map((data) => Buffer.from(data));

/** Starts a socat that sends back what it receives. */
async function echo(address: string, { ours, theirs }: Name, options = ''): Promise<Process> {
  if (!(await succeeds(['socat', '-V']))) skip('socat is not installed');
  const family = ours.startsWith('\0') ? 'ABSTRACT' : 'UNIX';
  return startProcess('socat', [`${family}-${address}:${theirs.replace(/^@/, '')}${options}`, 'PIPE']);
}

/** Sends each message and receives it, one after the other, as socat's pipe joins what comes together. */
async function converse(own: UnixSocket): Promise<void> {
  for (const data of MESSAGES) {
    await ASYNC.send(own, data, []);
    for (let at = 0; at < data.length; ) {
      const message = await ASYNC.receive(own);
      assert.ok(message, 'the end came too early');
      assert.ok(message.data.equals(data.subarray(at, at + message.data.length)));
      at += message.data.length;
    }
  }
}

for (const type of ['seqpacket', 'stream'] as const) {
  for (const abstract of [false, true]) {
    suite(`socat, ${type}, ${abstract ? 'abstract name' : 'path'}`, (test) => {
      test('socat listens: data there and back, and this side’s end', () =>
        withName(abstract, async (name) => {
          const peer = await echo('LISTEN', name, `,type=${SOCKTYPE[type]}`);
          const own = await onceThere(peer, () =>
            UnixSocket.connectAsync(name.ours, { type, signal: soon() }),
          );
          try {
            await converse(own);
            own.shutdown('write');
            assert.equal(await ASYNC.receive(own), null);
            await assertEnded(peer);
          } finally {
            own.destroy();
          }
        }));

      test('socat connects: data there and back, and its end', () =>
        withName(abstract, async (name) => {
          const listener = UnixListener.listen(name.ours, { type });
          try {
            const peer = await echo('CONNECT', name, `,type=${SOCKTYPE[type]}`);
            const own = await unlessEnded(peer, listener.acceptAsync({ signal: soon() }));
            try {
              await converse(own);
              peer.child.kill('SIGTERM');
              assert.equal(await ASYNC.receive(own), null);
              await peer.exit;
            } finally {
              own.destroy();
            }
          } finally {
            listener.destroy();
          }
        }));
    });
  }
}

for (const abstract of [false, true]) {
  suite(`socat, dgram, ${abstract ? 'abstract name' : 'path'}`, (test) => {
    test('socat receives a datagram and answers to its sender', () =>
      withName(abstract, async (name) => {
        const own = UnixSocket.bind(`${name.ours}.own`, { type: 'dgram' });
        try {
          const peer = await echo('RECVFROM', name);
          await onceThere(peer, () => ASYNC.send(own, 'datagram', [], name.ours));
          const answer = await ASYNC.receive(own);
          assert.deepEqual([answer?.data.toString(), answer?.from], ['datagram', name.ours]);
          await assertEnded(peer);
        } finally {
          own.destroy();
        }
      }));

    test('socat sends datagrams to an address', () =>
      withName(abstract, async (name) => {
        if (!(await succeeds(['socat', '-V']))) skip('socat is not installed');
        const own = UnixSocket.bind(name.ours, { type: 'dgram' });
        try {
          const family = abstract ? 'ABSTRACT' : 'UNIX';
          const peer = startProcess('socat', [
            '-u',
            'STDIN',
            `${family}-SENDTO:${name.theirs.replace(/^@/, '')}`,
          ]);
          peer.stdin.end('datagram');
          const message = await ASYNC.receive(own);
          assert.deepEqual([message?.data.toString(), message?.from], ['datagram', undefined]);
          await assertEnded(peer);
        } finally {
          own.destroy();
        }
      }));
  });
}
