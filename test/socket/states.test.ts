import assert from 'node:assert/strict';
import { closeFD, type SocketType } from '../../src/index.ts';
import { assertReceives, assertWorks } from '../support/channel.ts';
import { isOpen } from '../support/descriptors.ts';
import { waysOut } from '../support/endings.ts';
import { ENDS, type End, type Kind } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { assertRefused, assertRejects, gone, type Refusal, SEND_TIMED_OUT } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { observe, turns } from '../support/waits.ts';

/** How an end can send or receive in a state. */
type Passing = 'passes' | 'waits' | 'ended' | 'closed';

interface State {
  /** `own` is the end that is looked at, `file` a descriptor to send. */
  enter(own: End, peer: End, file: number, kind: Kind): void;
  readonly send: Passing;
  readonly receive: Passing;
  /** What a closed one says of itself. */
  readonly past?: string;
}

const states: Record<string, State> = {
  open: { enter() {}, send: 'passes', receive: 'waits' },
  queued: { enter: (_, peer, file) => peer.send(file), send: 'passes', receive: 'passes' },
  full: { enter: (own, _, file, kind) => void kind.fill(own, file), send: 'waits', receive: 'waits' },
  'waiting to receive': {
    enter: (own) => void own.receiveAsync().catch(() => {}),
    send: 'passes',
    receive: 'waits',
  },
  'waiting to send': {
    enter(own, _, file, kind) {
      kind.fill(own, file);
      own.sendAsync(file).catch(() => {});
    },
    send: 'waits',
    receive: 'waits',
  },
  'peer shut down': { enter: (_, peer) => peer.shutdown(), send: 'ended', receive: 'ended' },
  'shut down': { enter: (own) => own.shutdown(), send: 'ended', receive: 'ended' },
  'peer gone': { enter: (_, peer) => peer.destroy(), send: 'ended', receive: 'ended' },
  'peer gone, descriptor queued': {
    enter(_, peer, file) {
      peer.send(file);
      peer.destroy();
    },
    send: 'ended',
    receive: 'passes',
  },
  'peer gone with ours unread': {
    enter(own, peer, file) {
      own.send(file);
      peer.destroy();
    },
    send: 'ended',
    receive: 'ended',
  },
  ...Object.fromEntries(
    waysOut.map(([way, giveUp, past]): [string, State] => [
      `after ${way}`,
      { enter: giveUp, send: 'closed', receive: 'closed', past },
    ]),
  ),
};

/** What a call comes to. 'waits' is a promise that stays pending; 'nothing' is undefined. */
type Result =
  | Refusal
  | 'blocks'
  | 'EBADF'
  | 'waits'
  | 'nothing'
  | 'a descriptor'
  | 'the end'
  | 'the end itself'
  | 'the socket'
  | '-1'
  | 'true'
  | 'false'
  | SocketType;

interface Method {
  readonly name: string;
  call(own: End, file: number): unknown;
  /** The system call that its errors name. */
  readonly syscall: string;
  /** Which of a state's words decides what it comes to, and what that is. */
  readonly by: 'send' | 'receive';
  readonly results: Readonly<Record<Passing, Result>>;
}

function methods({ ended, receivers, type }: Kind): Method[] {
  const send = (name: string, call: Method['call'], waits: Result, passes: Result = 'nothing'): Method => ({
    name,
    call,
    syscall: 'sendmsg',
    by: 'send',
    results: { passes, waits, ended: ended.send, closed: 'EBADF' },
  });
  const receive = (
    name: string,
    call: Method['call'],
    waits: Result,
    end: Result = ended.receive,
  ): Method => ({
    name,
    call,
    syscall: 'recvmsg',
    by: 'receive',
    results: { passes: 'a descriptor', waits, ended: end, closed: 'EBADF' },
  });
  /** A method that passes nothing. */
  const life = (name: string, call: Method['call'], open: Result, after: Result = 'EBADF'): Method => ({
    name,
    call,
    syscall: name,
    by: 'send',
    results: { passes: open, waits: open, ended: open, closed: after },
  });
  return [
    send('send', (own, file) => own.send(file), 'blocks'),
    send('send, timeout 0', (own, file) => own.send(file, { timeout: 0 }), SEND_TIMED_OUT),
    send('trySend', (own, file) => own.trySend(file), 'false', 'true'),
    send('sendAsync', (own, file) => own.sendAsync(file), 'waits'),
    ...receivers.map(({ form, receive: call, empty }) => receive(form, call, empty)),
    receive('receiveAsync', (own) => own.receiveAsync(), 'waits'),
    receive('iterate', async (own) => (await own.iterate().next()).value ?? 'the end', 'waits', 'the end'),
    life('fd', (own) => own.fd, 'the socket', '-1'),
    life('type', (own) => own.type, type, type),
    life('shutdown', (own) => own.shutdown(), 'nothing'),
    life('destroy', (own) => own.destroy(), 'nothing', 'nothing'),
    life('dispose', (own) => own[Symbol.dispose](), 'nothing', 'nothing'),
    life('detach', (own) => own.detach(), 'the socket'),
    life('ref', (own) => own.ref(), 'the end itself'),
    life('unref', (own) => own.unref(), 'the end itself'),
  ];
}

async function assertResult(
  { call, syscall, results }: Method,
  wanted: Exclude<Result, 'blocks'>,
  own: End,
  file: number,
  past = 'destroyed',
): Promise<void> {
  const socket = own.fd;
  const isAsync = results.waits === 'waits';
  const expected = wanted === 'EBADF' ? gone(syscall, own, past) : wanted;
  if (typeof expected !== 'string') {
    if (isAsync) await assertRejects(call(own, file) as Promise<unknown>, expected);
    else assertRefused(() => call(own, file), expected);
    return;
  }
  const returned = call(own, file);
  assert.equal(returned instanceof Promise, isAsync);
  if (expected === 'waits') {
    const wait = observe(returned as Promise<unknown>);
    await turns();
    assert.equal(wait.state, 'pending');
    own.destroy();
    await assertRejects(wait.promise, gone(syscall, own, past));
    return;
  }
  const result = await returned;
  if (expected === 'a descriptor') {
    assert.notEqual(result, socket);
    closeFD(result as number);
    return;
  }
  const values: Record<string, unknown> = {
    nothing: undefined,
    'the end itself': own,
    'the socket': socket,
    '-1': -1,
    true: true,
    false: false,
  };
  assert.equal(result, expected in values ? values[expected] : expected);
}

for (const kind of ENDS) {
  for (const [name, state] of Object.entries(states)) {
    suite(`an end, ${name}, ${kind.name}`, (test) => {
      for (const method of methods(kind)) {
        const wanted = method.results[state[method.by]];
        // That it does is in queue.test.ts.
        if (wanted === 'blocks') continue;
        test(`${method.name}: ${typeof wanted === 'string' ? wanted : wanted[1]}`, () =>
          withDescriptors([temporaryFile()], async (file) => {
            const [own, peer] = kind.pair();
            const socket = own.fd;
            state.enter(own, peer, file, kind);
            if (state.send === 'closed') {
              assert.equal(isOpen(socket), false);
              await withSuccessor(kind, socket, file, () =>
                assertResult(method, wanted, own, file, state.past),
              );
            } else {
              await assertResult(method, wanted, own, file);
              own.destroy();
              assert.equal(own.fd, -1);
              if (method.name === 'detach') closeFD(socket);
              assert.equal(isOpen(socket), false);
            }
            peer.destroy();
          }));
      }
    });
  }
}

/** Runs the body while another end has the number: had a call reached the kernel, it would show there. */
async function withSuccessor(
  kind: Kind,
  number: number,
  file: number,
  body: () => Promise<unknown>,
): Promise<void> {
  const [near, far] = kind.pair();
  assert.ok([near.fd, far.fd].includes(number), 'the number is in use again');
  far.send(file);
  near.send(file);
  await body();
  assertReceives(near, file);
  assertReceives(far, file);
  assertWorks(near, far);
  near.destroy();
  far.destroy();
}
