import assert from 'node:assert/strict';
import { type SocketType, SyscallError, UnixListener, UnixSocket } from '../../src/index.ts';
import { assertEnded, type Name, unlessEnded, withName } from '../support/named.ts';
import { type Process, startProcess } from '../support/processes.ts';
import { suite } from '../support/suite.ts';
import { ASYNC, BLOCKING, exchange, type Form, soon } from './exchange.ts';
import { COMPILING, commandOf, type PeerProgram, PROGRAMS } from './programs.ts';

async function start(program: PeerProgram, role: string, type: SocketType, name: Name): Promise<Process> {
  const [executable, ...args] = await commandOf(program);
  return startProcess(executable, [...args, role, type, name.theirs]);
}

/** The peer is told to end, and ends first. */
async function peerLeaves(socket: UnixSocket, form: Form): Promise<void> {
  await form.send(socket, 'bye', []);
  assert.equal((await form.receive(socket))?.data.toString(), 'bye');
  assert.equal(await form.receive(socket), null);
}

/** This side ends first, and the peer has it from the socket. */
async function peerIsLeft(socket: UnixSocket, form: Form): Promise<void> {
  socket.shutdown('write');
  assert.equal(await form.receive(socket), null);
}

async function whenPeerListens(program: PeerProgram, type: SocketType, name: Name): Promise<void> {
  const peer = await start(program, 'listens', type, name);
  assert.equal(await peer.line(), 'ready');
  const socket = UnixSocket.connect(name.ours, { type });
  try {
    await exchange({ socket, form: BLOCKING, emptyPacket: program.emptyPacket });
    await peerIsLeft(socket, BLOCKING);
    await assertEnded(peer, 'ready\n');
  } finally {
    socket.destroy();
  }
}

async function whenPeerConnects(
  program: PeerProgram,
  type: Exclude<SocketType, 'dgram'>,
  name: Name,
): Promise<void> {
  const listener = UnixListener.listen(name.ours, { type });
  let socket: UnixSocket | undefined;
  try {
    const peer = await start(program, 'connects', type, name);
    socket = await unlessEnded(peer, listener.acceptAsync({ signal: soon() }));
    assert.equal(socket.type, type);
    assert.equal((await ASYNC.receive(socket))?.data.toString(), 'hello');
    await exchange({ socket, form: ASYNC, emptyPacket: program.emptyPacket });
    await peerLeaves(socket, ASYNC);
    await assertEnded(peer);
  } finally {
    socket?.destroy();
    listener.destroy();
  }
}

/** A receiver of datagrams, to which the peer connects; or which sends to the peer's address first. */
async function withDatagrams(program: PeerProgram, role: string, name: Name): Promise<void> {
  const listens = role === 'listens';
  const own = listens ? `${name.ours}.own` : name.ours;
  const to = listens ? name.ours : `${name.ours}.peer`;
  const form = listens ? BLOCKING : ASYNC;
  const socket = UnixSocket.bind(own, { type: 'dgram' });
  try {
    const peer = await start(program, role, 'dgram', name);
    if (listens) {
      assert.equal(await peer.line(), 'ready');
    } else {
      const hello = await unlessEnded(peer, form.receive(socket));
      assert.deepEqual([hello?.data.toString(), hello?.from], ['hello', to]);
    }
    await exchange({ socket, form, to });
    await form.send(socket, 'bye', [], to);
    assert.equal((await form.receive(socket))?.data.toString(), 'bye');
    await assertEnded(peer, listens ? 'ready\n' : undefined);
    await assert.rejects(form.send(socket, 'nobody', [], to), (error) => {
      assert.ok(error instanceof SyscallError);
      assert.deepEqual([error.code, error.address], ['ECONNREFUSED', to]);
      return true;
    });
  } finally {
    socket.destroy();
  }
}

for (const program of PROGRAMS) {
  suite(program.name, (test) => {
    for (const type of program.types) {
      for (const abstract of program.abstract ? [false, true] : [false]) {
        const where = `${type}, ${abstract ? 'abstract name' : 'path'}`;
        for (const role of ['listens', 'connects']) {
          test(
            `${where}: the peer ${role}`,
            () =>
              withName(abstract, (name) => {
                if (type === 'dgram') return withDatagrams(program, role, name);
                return role === 'listens'
                  ? whenPeerListens(program, type, name)
                  : whenPeerConnects(program, type, name);
              }),
            COMPILING,
          );
        }
      }
    }
  });
}
