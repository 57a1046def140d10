import { closeSync, openSync } from 'node:fs';
import { local } from '../harness/local.ts';
import type { Side } from '../harness/question.ts';
import { calls, close, socketpair } from './bare-endpoint.ts';

// Linux's constants, the same on every processor that koffi serves.
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const MSG_TRUNC = 0x20;
const MSG_CTRUNC = 0x08;

// A message in one buffer: a 64-bit msghdr, its iovec, its data, and a control buffer for 253 descriptors.
const MSG_IOV = 16;
const MSG_IOVLEN = 24;
const MSG_CONTROL = 32;
const MSG_CONTROLLEN = 40;
const MSG_FLAGS = 48;
const IOV_BASE = 56;
const IOV_LEN = 64;
const DATA = 72;
const ROOM = 65536;
const CONTROL = DATA + ROOM;
const CMSG_HEAD = 16;
const MOST = CMSG_HEAD + 4 * 253;
const BYTES = CONTROL + MOST + 4;

const WORD = {
  controllen: MSG_CONTROLLEN / 4,
  flags: MSG_FLAGS / 4,
  bytes: IOV_LEN / 4,
  cmsg_len: CONTROL / 4,
  cmsg_level: CONTROL / 4 + 2,
  cmsg_type: CONTROL / 4 + 3,
  descriptors: CONTROL / 4 + CMSG_HEAD / 4,
} as const;

class MessageBuffer {
  readonly address: number;
  /** Referenced for as long as the address is used. */
  readonly words: Int32Array;
  readonly data: Uint8Array;

  constructor() {
    const bytes = new ArrayBuffer(BYTES);
    const view = new DataView(bytes);
    this.address = calls().address(bytes);
    this.words = new Int32Array(bytes);
    this.data = new Uint8Array(bytes, DATA, ROOM);
    view.setBigUint64(MSG_IOV, BigInt(this.address + IOV_BASE), true);
    view.setInt32(MSG_IOVLEN, 1, true);
    view.setBigUint64(IOV_BASE, BigInt(this.address + DATA), true);
    view.setInt32(CONTROL + 8, SOL_SOCKET, true);
    view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
    view.setBigUint64(MSG_CONTROL, BigInt(this.address + CONTROL), true);
  }
}

/** What a receive returns. */
export interface BareMessage {
  readonly data: Buffer;
  readonly fds: number[];
}

/**
 * One end of a SEQPACKET pair as a program would write it that calls koffi itself: data is copied into a buffer that is
 * built once, and out of one, and a receive has room for every descriptor that may come.
 */
export class BareSocket {
  readonly fd: number;
  readonly #c: ReturnType<typeof calls> = calls();
  readonly #outgoing: MessageBuffer = new MessageBuffer();
  readonly #incoming: MessageBuffer = new MessageBuffer();

  constructor(fd: number) {
    this.fd = fd;
  }

  send(data: Uint8Array, fds: readonly number[]): void {
    const { words, address, data: room } = this.#outgoing;
    room.set(data);
    words[WORD.bytes] = data.length;
    const control = fds.length === 0 ? 0 : CMSG_HEAD + 4 * fds.length;
    words[WORD.controllen] = control;
    words[WORD.cmsg_len] = control;
    for (let i = 0; i < fds.length; i++) words[WORD.descriptors + i] = fds[i] as number;
    while (this.#c.sendmsg(this.fd, address, MSG_NOSIGNAL) !== data.length) this.#mustBe(this.#c.EINTR);
  }

  receive(): BareMessage {
    const { words, address, data: room } = this.#incoming;
    words[WORD.bytes] = ROOM;
    words[WORD.controllen] = MOST;
    let received = -1;
    while (received < 0) {
      received = this.#c.recvmsg(this.fd, address, MSG_CMSG_CLOEXEC | MSG_TRUNC);
      if (received < 0) this.#mustBe(this.#c.EINTR);
    }
    if (received > ROOM || ((words[WORD.flags] as number) & MSG_CTRUNC) !== 0) {
      throw new Error('recvmsg: truncated');
    }
    const fds: number[] = [];
    if (words[WORD.controllen] !== 0) {
      if (words[WORD.cmsg_level] !== SOL_SOCKET || words[WORD.cmsg_type] !== SCM_RIGHTS) {
        throw new Error('recvmsg: not descriptors');
      }
      const count = ((words[WORD.cmsg_len] as number) - CMSG_HEAD) / 4;
      for (let i = 0; i < count; i++) fds.push(words[WORD.descriptors + i] as number);
    }
    return { data: Buffer.from(room.subarray(0, received)), fds };
  }

  #mustBe(expected: number): void {
    const errno = this.#c.errno();
    if (errno !== expected) throw new Error(`errno ${errno}`);
  }
}

/** Sends a message, receives it, and closes its descriptors, by koffi's own calls. */
export function bareExchange(name: string, bytes: number, descriptors: number): Side {
  const [left, right] = socketpair();
  const [near, far] = [new BareSocket(left), new BareSocket(right)];
  const data = Buffer.alloc(bytes, 'x');
  const source = openSync('/dev/null', 'r');
  const sources = Array<number>(descriptors).fill(source);
  return local({
    name,
    run(count) {
      for (let i = 0; i < count; i++) {
        near.send(data, sources);
        for (const fd of far.receive().fds) close(fd);
      }
    },
    close() {
      for (const fd of [left, right]) close(fd);
      closeSync(source);
    },
  });
}
