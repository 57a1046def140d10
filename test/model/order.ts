import type { Heads } from './heads.ts';
import { ENDS, type EndName } from './history.ts';
import { fewestReceives, type Rules } from './kernel.ts';
import { isTransfer, type Operation, type Pending, type Transfer } from './operation.ts';
import { CALLED, EMFILE, type Outcome, SENT, tagIn, takes, UNASKED } from './outcome.ts';
import { type Lane, lengthOf, peerOf, type State } from './state.ts';

/** A question of the model: what may have happened before one operation came to an outcome? */
export interface Question {
  readonly operation: Operation;
  readonly outcome: Outcome;
  readonly pending: Pending;
  readonly rules: Rules;
}

/**
 * The operations that may take effect next, if that can change what the operation comes to, or what it leaves behind.
 * Of the others it makes no difference which comes first: to try both orders would only take time.
 *
 * @param explained whether the operation may come to the outcome at once
 */
export function mayComeBefore(
  question: Question,
  state: State,
  heads: Heads,
  explained: boolean,
): readonly Operation[] {
  const { operation, pending } = question;
  const next = heads.next.filter(({ id }) => id !== operation.id);
  const holder = heads.holderAt(operation.end);
  if (holder && holder.id <= operation.id && isSettled(holder, state, heads, question)) {
    return holder.id === operation.id ? [] : [holder];
  }
  // Only a shutdown, an abort or the like may explain it, and anything may have to come before that.
  const controls = pending.controls - (isTransfer(operation) || operation.kind === 'touch' ? 0 : 1);
  if (!explained && controls > 0) return next;
  let wanted: Wanted[];
  if (!heads.hasBegun(operation)) {
    const lane = holder && isTransfer(holder) ? laneOf(holder) : undefined;
    wanted = lane === undefined ? EVERYTHING : BOTH.map((kind) => ({ lane, kind }));
  } else if (isTransfer(operation)) {
    wanted = beforeTransfer(question, operation, state, heads, explained);
  } else {
    wanted = beforeControl(question, operation, state, explained);
  }
  if (wanted.length === 0) return [];
  if (!isTransfer(operation) && controls > 0) return next;

  const isWanted = (other: Operation): boolean =>
    isTransfer(other) &&
    wanted.some(({ lane, kind }) => kind === other.kind && lane === laneOf(other)) &&
    !(isWait(operation) && isWait(other) && other.kind === operation.kind && other.id > operation.id);
  const found = new Set<Operation>(next.filter(isWanted));
  for (const end of ENDS) {
    const holds = heads.holderAt(end);
    if (holds === undefined || holds.id === operation.id || !heads.holdsUp(end, isWanted)) continue;
    if (!isSettled(holds, state, heads, question)) return next;
    found.add(holds);
  }
  return [...found];
}

/**
 * Whether an operation that may take effect leaves it open what comes of another: the two in either order come to the
 * same.
 */
export function isIndependent(other: Operation, { operation, rules }: Question, state: State): boolean {
  if (other.kind === 'touch') return true;
  if (!isTransfer(operation) || !isTransfer(other)) return false;
  const lane = laneOf(operation);
  if (laneOf(other) !== lane) return true;
  const { sent, taken } = state.lanes[lane];
  const length = sent.length - taken;
  // Bytes without a descriptor may run into what is sent.
  return other.kind !== operation.kind && length > 0 && length < rules.capacity && sent.at(taken) > 0;
}

/** Transfers in one direction. */
interface Wanted {
  readonly lane: EndName;
  readonly kind: Transfer['kind'];
}

/** Which transfers bring another one nearer to its outcome, or give it another effect. */
function beforeTransfer(
  question: Question,
  transfer: Transfer,
  state: State,
  heads: Heads,
  explained: boolean,
): Wanted[] {
  const { outcome } = question;
  if (outcome === UNASKED) return [];
  const name = laneOf(transfer);
  const lane = state.lanes[name];
  const sends: Wanted = { lane: name, kind: 'send' };
  const receives: Wanted = { lane: name, kind: 'receive' };
  // At the end, all come to the same.
  if (explained && (transfer.kind === 'send' ? lane.closed : lane.over && lengthOf(lane) === 0)) return [];
  // The order of two sends is the order of what they send.
  if (transfer.kind === 'send') {
    if (outcome === CALLED) return [sends, receives];
    if (outcome !== SENT) return [sends];
    if (lane.closed) return [];
    return explained && !mayFindNothing(name, state, heads, question) ? [sends] : [sends, receives];
  }
  const tag = tagIn(outcome);
  if (takes(outcome) && mayFindNoRoom(name, state, heads, question)) return [sends, receives];
  if (tag !== undefined) {
    // Another receive would take it away.
    if (explained && lane.sent.at(lane.taken) === tag) return [];
    if (holds(lane, (item) => item === tag)) return [receives];
    return lane.closed ? [] : [sends, receives];
  }
  if (takes(outcome)) {
    const last = lane.sent.at(lane.sent.length - 1);
    // Bytes without a descriptor run into those that are sent behind them.
    const isThere = holds(lane, (item) => item <= 0) && last > 0;
    return isThere ? [receives] : [sends, receives];
  }
  return outcome === EMFILE ? [sends, receives] : [receives];
}

function holds({ sent, taken }: Lane, isLike: (item: number) => boolean): boolean {
  for (let i = taken; i < sent.length; i++) {
    if (isLike(sent.at(i))) return true;
  }
  return false;
}

/** Which transfers come to something else, or have another effect, after a control than before it. */
function beforeControl(
  { pending, rules }: Question,
  control: Exclude<Operation, Transfer>,
  state: State,
  explained: boolean,
): Wanted[] {
  const { end, kind } = control;
  if (explained && kind === 'touch') return [];
  if (!explained || kind === 'shutdown' || kind === 'destroy' || kind === 'kill') return EVERYTHING;
  const waits = pending
    .waitsOf(end)
    .filter(({ id, signal }) => !state.isDone(id) && (kind !== 'abort' || signal === control.signal));
  return EVERYTHING.filter((each) => {
    const lane = state.lanes[each.lane];
    const sends = pending.sendsFrom(each.lane);
    // Those that it ends, and those that let these succeed before.
    return waits.some((wait) => {
      if (laneOf(wait) !== each.lane) return false;
      if (wait.kind === each.kind) return true;
      return each.kind === 'send'
        ? fewestReceives(lane, rules) < pending.receivesAt(peerOf(each.lane))
        : lengthOf(lane) + sends > rules.capacity;
    });
  });
}

const BOTH: readonly Transfer['kind'][] = ['send', 'receive'];
const EVERYTHING: Wanted[] = ENDS.flatMap((lane) => BOTH.map((kind): Wanted => ({ lane, kind })));

/** Whether it makes no difference what else happens before. */
function isSettled(holder: Operation, state: State, heads: Heads, question: Question): boolean {
  const { pending, rules } = question;
  if (holder.kind === 'touch') return true;
  if (holder.kind !== 'send' || pending.controlsAgainst(holder.end) > 0) return false;
  // It waits on the event loop, whatever is there.
  if (isWait(holder) && holder.late) return true;
  if (holder.spare) return false;
  const { end, id } = holder;
  const lane = state.lanes[end];
  if (lane.closed) return true;
  // It finds room, and nobody waits for that.
  const isFirst = (heads.firstSend(end)?.id ?? id) >= id;
  return isFirst && lengthOf(lane) < rules.capacity && !mayFindNothing(end, state, heads, question);
}

/** Whether a receive that is being called may come to something else if a send comes before it. */
function mayFindNothing(name: EndName, state: State, heads: Heads, { pending, rules }: Question): boolean {
  const end = peerOf(name);
  const lane = state.lanes[name];
  if (fewestReceives(lane, rules) >= pending.receivesAt(end)) return false;
  // Receives that wait for something have to get that first.
  return mayBeExhausted(end, state, pending) || heads.waitsBeforeTrying(end, 'receive') <= lengthOf(lane);
}

/** Whether a send that is being called may come to something else if a receive comes before it. */
function mayFindNoRoom(name: EndName, state: State, heads: Heads, { pending, rules }: Question): boolean {
  const room = rules.capacity - lengthOf(state.lanes[name]);
  if (room > pending.sendsFrom(name)) return false;
  return mayBeExhausted(name, state, pending) || heads.waitsBeforeTrying(name, 'send') <= room;
}

/** Whether the end's process is at its descriptor limit, or is about to be: what would wait fails there. */
function mayBeExhausted(end: EndName, state: State, pending: Pending): boolean {
  return state.ends[end].exhausted || pending.at(end).thread.some(({ kind }) => kind === 'exhaust');
}

function isWait({ runs }: Operation): boolean {
  return runs === 'loop';
}

/** The direction that a transfer is about. */
function laneOf({ kind, end }: Transfer): EndName {
  return kind === 'send' ? end : peerOf(end);
}
