import assert from 'node:assert/strict';
import koffi from 'koffi';
import type { Abi } from '../../src/abi/abi.ts';
import type { Binding } from '../../src/libc/binding.ts';
import { Libc } from '../../src/libc/calls.ts';
import { platforms } from '../abi/golden.ts';

export const { errno: errnos } = koffi.os;

/** Where the scratch memory of a scripted libc lies. */
export const ADDRESS = 4096;

/** What a call of C does: its result, or an errno behind a result of -1. It may write into the scratch memory. */
export type Step = number | { readonly errno: number } | ((memory: DataView) => Step);

export const fails = (name: string): Step => ({ errno: errnos[name] as number });
export const EINTR: Step = fails('EINTR');

export interface Scripted {
  readonly libc: Libc;
  readonly abi: Abi;
  /** Every call of C that was made: name and arguments. */
  readonly calls: (readonly [name: string, ...args: number[]])[];
  /** The memory at an address that a call of C was given. */
  at(address: number): DataView;
}

export const LINUX = 'linux-glibc-x64';
export const DARWIN = 'darwin-arm64';
export const FREEBSD = 'freebsd-x64';
export const OPENBSD = 'openbsd-x64';

/** libc of a platform, whose C does what the steps say, call by call. */
export function scripted(name: string, ...steps: Step[]): Scripted {
  const { abi, layout } = platforms.find((platform) => platform.name === name) ?? assert.fail(name);
  const calls: Scripted['calls'] = [];
  const memories: DataView[] = [];
  let errno = 0;

  const c =
    (called: string) =>
    (...args: number[]): number => {
      calls.push([called, ...args]);
      let step = steps.shift() ?? assert.fail(`a call too many: ${called}(${args.join(', ')})`);
      while (typeof step === 'function') step = step(memories[0] as DataView);
      if (typeof step === 'number') return step;
      errno = step.errno;
      return -1;
    };
  const binding: Binding = {
    socket: c('socket'),
    socketpair: c('socketpair'),
    bind: c('bind'),
    listen: c('listen'),
    connect: c('connect'),
    accept: c('accept'),
    ...(abi.accept4 && { accept4: c('accept4') }),
    send: c('send'),
    sendmsg: c('sendmsg'),
    recvmsg: c('recvmsg'),
    ...(abi.mmsghdr && { sendmmsg: c('sendmmsg'), recvmmsg: c('recvmmsg') }),
    shutdown: c('shutdown'),
    close: c('close'),
    close_range: c('close_range'),
    poll: c('poll'),
    getsockopt: c('getsockopt'),
    setsockopt: c('setsockopt'),
    getsockname: c('getsockname'),
    getpeername: c('getpeername'),
    ...(abi.SO_PEERCRED === 0 && { getpeereid: c('getpeereid') }),
    fchmod: c('fchmod'),
    umask: c('umask'),
    ioctl: c('ioctl'),
    fcntl: c('fcntl'),
    dup2: c('dup2'),
    ...(abi.dup3 && { dup3: c('dup3') }),
    ...(abi.epoll_event && {
      epoll_create1: c('epoll_create1'),
      epoll_ctl: c('epoll_ctl'),
      epoll_wait: c('epoll_wait'),
    }),
    // errno is only true right after the call: reading it a second time tells nothing.
    errno: () => {
      const read = errno;
      errno = 0;
      return read;
    },
    strerror: (number) => `text of ${number}`,
    errnos,
    // The scratch memory is asked for first.
    address: (memory) => {
      const buffer = ArrayBuffer.isView(memory) ? memory.buffer : memory;
      return memories.push(new DataView(buffer)) * ADDRESS;
    },
    abi,
    layout,
  };
  return {
    libc: new Libc(binding),
    abi,
    calls,
    at: (address) => memories[address / ADDRESS - 1] ?? assert.fail(`no memory at ${address}`),
  };
}

/** What a call of C writes for an option, as `getsockopt` does. */
export const option = (value: number) => (memory: DataView) => {
  memory.setInt32(0, value, true);
  return 0;
};

export const pair = (memory: DataView): Step => {
  memory.setInt32(0, 10, true);
  memory.setInt32(4, 11, true);
  return 0;
};
export const sees = (revents: number) => (memory: DataView) => {
  memory.setInt16(6, revents, true);
  return 1;
};
/** On Linux; elsewhere the family lies in the second byte, behind a length. */
export const family = (value: number) => (memory: DataView) => {
  memory.setUint16(0, value, true);
  return 0;
};

/** Runs `body` with a clock that only the steps of a script move. */
export function withClock(body: (advance: (ms: number, step: Step) => Step) => void): void {
  let now = 1000.25;
  Object.defineProperty(performance, 'now', { value: () => now, configurable: true });
  try {
    body((ms, step) => () => {
      now += ms;
      return step;
    });
  } finally {
    Reflect.deleteProperty(performance, 'now');
  }
}
