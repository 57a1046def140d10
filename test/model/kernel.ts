import type { EndName } from './history.ts';
import type { Operation, Pending, Receive, Send, Transfer } from './operation.ts';
import {
  ABORTED,
  EMFILE,
  NO_DESCRIPTOR,
  OK,
  type Outcome,
  received,
  refused,
  SENT,
  TOO_MANY,
  TRUNCATED,
  UNASKED,
} from './outcome.ts';
import {
  carriesDescriptor,
  EMPTY,
  HALF,
  type Lane,
  lengthOf,
  MANY,
  PLAIN,
  peerOf,
  type State,
} from './state.ts';

/** What an implementation may do, where its kind and its host leave no choice. */
export interface Rules {
  readonly type: 'seqpacket' | 'stream';
  /** The most bytes that one receive of a stream takes. */
  readonly readBytes: number;
  /** Whether ends take what comes before anybody receives it, so that there is room for more than the capacity. */
  readonly readsAhead: boolean;
  /** How many messages fit into one direction. */
  readonly capacity: number;
  /** Whether no limit counts the descriptors on their way. */
  readonly privileged: boolean;
  /** Whether a poll(2) under way may hold a socket for a moment longer than its end, so that the peer goes on. */
  readonly held: boolean;
}

/** What must be left in a full socket for poll(2) to report room: a quarter, and a little less to be sure. */
export function quarter({ capacity }: Rules): number {
  return Math.floor(capacity / 4) - 2;
}

/**
 * Every state in which an operation may leave the socket when it takes effect now; none where it has to wait.
 *
 * @param turn whether no wait of the same kind at the same end comes before it
 */
export function effects(
  state: State,
  operation: Operation,
  turn: boolean,
  pending: Pending,
  rules: Rules,
): State[] {
  switch (operation.kind) {
    case 'send':
    case 'receive':
      return transfer(state, operation, turn, pending, rules);
    case 'abort': {
      const { end, id, signal } = operation;
      const aborted = state.withEnd(end, { aborted: state.ends[end].aborted | (1 << signal) });
      return [endWaits(aborted, operation, pending).withDone(id, OK)];
    }
    case 'shutdown':
    case 'destroy':
    case 'kill':
      return close(state, operation, pending);
    default: {
      const { end, id, kind, refusal } = operation;
      if (!state.ends[end].open && refusal !== undefined) return [state.withDone(id, refusal)];
      if (kind === 'readopt') return [endWaits(state, operation, pending, closedTo).withDone(id, OK)];
      if (kind === 'touch') return [state.withDone(id, OK)];
      return [state.withEnd(end, { exhausted: kind === 'exhaust' }).withDone(id, OK)];
    }
  }
}

/** Whether an operation that may take effect has to, sooner or later, though nothing else happens. */
export function mustEnd(state: State, operation: Operation, turn: boolean, rules: Rules): boolean {
  if (operation.kind !== 'send' && operation.kind !== 'receive') return true;
  if (operation.otherwise !== undefined) return true;
  const { end, kind } = operation;
  if (!state.ends[end].open || isAborted(state, operation)) return true;
  if (!turn) return false;
  if (kind === 'receive') {
    const lane = state.lanes[peerOf(end)];
    return lane.over || lengthOf(lane) > 0;
  }
  const lane = state.lanes[end];
  const length = lengthOf(lane);
  if (rules.readsAhead) return true;
  return lane.closed || length <= quarter(rules) || (length < rules.capacity && !lane.wasFull);
}

function transfer(state: State, call: Transfer, turn: boolean, pending: Pending, rules: Rules): State[] {
  const { end, id, kind, runs } = call;
  const { open, exhausted, called } = state.ends[end];
  // A send tries at once and then waits; what its thread does next comes after that.
  const calls = kind === 'send' && runs === 'loop' && called < id;
  const from = calls ? state.withEnd(end, { called: id }) : state;
  const aborted = isAborted(state, call);
  const spare = call.spare ? [state.withDone(id, UNASKED)] : [];
  // Which of the two is looked at first makes no difference to anybody.
  if (!open || aborted) {
    return [
      ...spare,
      ...outcomes(from, id, [aborted ? ABORTED : undefined, open ? undefined : closedTo(call)]),
    ];
  }
  if (calls && call.late) return [from];
  const found: State[] = [...spare];
  if (turn) found.push(...(kind === 'send' ? send(from, call, rules) : receive(from, call, pending, rules)));
  const waits = found.length === 0;
  // At the descriptor limit there may be no descriptor to wait with.
  if (runs === 'loop' && exhausted && waits) found.push(from.withDone(id, EMFILE));
  if (calls && waits) found.push(from);
  return found;
}

function send(state: State, call: Send, rules: Rules): State[] {
  const { end, id, item, otherwise, ended } = call;
  const lane = state.lanes[end];
  if (lane.closed) {
    const after = rules.readsAhead ? state.withLane(peerOf(end), { lost: true }) : state;
    const late = isHeld(state, peerOf(end), rules) ? [SENT, otherwise] : [];
    return [after.withDone(id, ended), ...outcomes(state, id, late)];
  }
  const length = lengthOf(lane);
  const found: State[] = [];
  if (length < rules.capacity || rules.readsAhead) {
    const wasFull = lane.wasFull || length + 1 === rules.capacity;
    found.push(state.withLane(end, { sent: lane.sent.append(item), wasFull }).withDone(id, SENT));
    if (!rules.privileged && state.ends[end].exhausted) found.push(state.withDone(id, TOO_MANY));
  }
  // Who waits for a time asks poll(2), which sees no room for longer than sendmsg(2).
  const timed = otherwise === refused('ETIMEDOUT', 'sendmsg');
  if (otherwise !== undefined && (length >= rules.capacity || (timed && lane.wasFull))) {
    found.push(state.withDone(id, otherwise));
  }
  return found;
}

/** Whether the signal of a call has aborted. */
function isAborted(state: State, { end, signal }: Transfer): boolean {
  return signal !== undefined && (state.ends[end].aborted & (1 << signal)) !== 0;
}

/** Whether the socket of an end may be there still, though the end is not. */
function isHeld(state: State, end: EndName, { held }: Rules): boolean {
  return held && !state.ends[end].open;
}

/** The states in which an operation has come to each of these outcomes, and changed nothing. */
function outcomes(state: State, id: number, each: readonly (Outcome | undefined)[]): State[] {
  return each.filter((outcome) => outcome !== undefined).map((outcome) => state.withDone(id, outcome));
}

function receive(state: State, call: Receive, pending: Pending, rules: Rules): State[] {
  const { end, id, otherwise, ended, runs } = call;
  const from = peerOf(end);
  const lane = state.lanes[from];
  if (lengthOf(lane) === 0) {
    if (lane.over) return outcomes(state, id, [ended, isHeld(state, from, rules) ? otherwise : undefined]);
    return otherwise === undefined ? [] : [state.withDone(id, otherwise)];
  }
  const { exhausted } = state.ends[end];
  // What was begun and has no answer may lie there by now.
  const most = lengthOf(lane) + pending.sendsFrom(from);
  const wasFull = lane.wasFull || most >= rules.capacity;
  return arrivals(lane, ended, exhausted, rules).flatMap(([outcome, count]) => {
    const room = most - count <= quarter(rules);
    const after = state.withLane(from, { taken: lane.taken + count, wasFull: wasFull && !room });
    // A wait that ended before may have given a descriptor back.
    const lost = exhausted && lane.sent.at(lane.taken + count - 1) > 0;
    if (!lost) return [after.withDone(id, outcome)];
    return outcomes(after, id, runs === 'loop' ? [TRUNCATED, outcome] : [TRUNCATED]);
  });
}

/** What the next receive may come to, and how many messages it takes for that. */
function arrivals(
  lane: Lane,
  ended: Outcome,
  exhausted: boolean,
  { type, readBytes }: Rules,
): [outcome: Outcome, count: number][] {
  const length = lengthOf(lane);
  const item = (index: number): number => lane.sent.at(lane.taken + index);
  const first = item(0);
  const found: [Outcome, number][] = lane.lost ? [[ended, length]] : [];
  if (first > 0) return [...found, [received(first), 1]];
  if (first === MANY) return [...found, [TRUNCATED, 1]];
  found.push([NO_DESCRIPTOR, 1]);
  if (type === 'stream') {
    // Bytes without a descriptor run into what follows, up to a descriptor.
    let bytes = 1;
    for (; bytes < Math.min(length, readBytes) && item(bytes) === PLAIN; bytes++) {
      found.push([NO_DESCRIPTOR, bytes + 1]);
    }
    if (bytes < Math.min(length, readBytes)) {
      found.push([item(bytes) === MANY ? TRUNCATED : received(item(bytes)), bytes + 1]);
    }
  } else if (first === EMPTY && lane.over) {
    // An empty packet is not to be told from the end.
    if (!hasDescriptors(lane)) for (let count = 1; count <= length; count++) found.push([ended, count]);
    // Without a descriptor to ask the kernel with, what lies behind empty packets is found by taking those.
    if (exhausted) {
      for (let count = 2; count < length && item(count - 1) === EMPTY; count++)
        found.push([NO_DESCRIPTOR, count]);
    }
  }
  return found;
}

/** How many receives it takes at least to empty a lane. */
export function fewestReceives(lane: Lane, { type, readBytes }: Rules): number {
  if (type === 'seqpacket') return lengthOf(lane);
  let count = 0;
  let bytes = 0;
  for (let i = lane.taken; i < lane.sent.length; i++) {
    if (bytes === 0) count++;
    bytes = lane.sent.at(i) === PLAIN && bytes + 1 < readBytes ? bytes + 1 : 0;
  }
  return count;
}

export function hasDescriptors(lane: Lane): boolean {
  for (let i = lane.taken; i < lane.sent.length; i++) {
    if (carriesDescriptor(lane.sent.at(i))) return true;
  }
  return false;
}

/** The own socket first, then the peer's, as in unix_shutdown() and unix_release_sock() of Linux. */
function close(state: State, operation: Operation & { kind: string }, pending: Pending): State[] {
  const { end, id, kind } = operation;
  const peer = peerOf(end);
  if (state.done.get(id) === HALF) return [state.withLane(end, { over: true }).withDone(id, OK)];
  if (!state.ends[end].open) {
    // The kernel finishes what a killed process was in the middle of.
    if (kind === 'kill') return [state.withLane(end, { over: true }).withDone(id, OK)];
    return [state.withDone(id, kind === 'shutdown' ? refused('EBADF', 'shutdown') : OK)];
  }
  const half = state
    .withLane(peer, { closed: true, over: true })
    .withLane(end, { closed: true })
    .withDone(id, HALF);
  if (kind === 'shutdown') return [half];
  const closed = half.withEnd(end, { open: false });
  return [kind === 'kill' ? closed : endWaits(closed, operation, pending, closedTo)];
}

/**
 * Ends what waited at the same end before the operation began. What was called with a signal that had aborted is over
 * since then, though it stands behind others here.
 *
 * @param otherwise what the others come to @default they go on waiting
 */
function endWaits(
  state: State,
  { end, id }: Operation,
  pending: Pending,
  otherwise?: (wait: Transfer) => Outcome,
): State {
  let ended = state;
  for (const wait of pending.waitsOf(end)) {
    if (wait.id > id || ended.isDone(wait.id)) continue;
    const outcome = isAborted(state, wait) ? ABORTED : otherwise?.(wait);
    if (outcome !== undefined) ended = ended.withDone(wait.id, outcome);
  }
  return ended;
}

function closedTo({ kind }: Transfer): Outcome {
  return refused('EBADF', kind === 'send' ? 'sendmsg' : 'recvmsg');
}
