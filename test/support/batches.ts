import assert from 'node:assert/strict';
import { fstatSync } from 'node:fs';
import type { Framing } from '../../src/abi/abi.ts';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { withChannel } from './channel.ts';
import { type EndpointEnd, type Kind, kindOf } from './ends.ts';
import { tagged, withDescriptors } from './files.ts';
import { FRAMINGS } from './raw.ts';
import { suite, type Test } from './suite.ts';

/** As many files as there are tags, each of its size. */
export async function withTags(
  tags: readonly number[],
  body: (...files: number[]) => unknown,
): Promise<void> {
  await withDescriptors(tags.map(tagged), body);
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** The sizes of files that were received, which are closed. */
export function tagsOf(fds: readonly number[]): number[] {
  try {
    return fds.map((fd) => fstatSync(fd).size);
  } finally {
    for (const fd of fds) closeFD(fd);
  }
}

/** Everything that lies in a socket, in order. */
export function drainTags(endpoint: Endpoint): number[] {
  const tags: number[] = [];
  for (let fd = endpoint.tryRecvFD(); fd !== undefined; fd = endpoint.tryRecvFD()) tags.push(...tagsOf([fd]));
  return tags;
}

/** libc's calls for many messages, made in their place where a test wants to see them, or none at all. */
const raw: { sendmmsg?: Call | undefined; recvmmsg?: Call | undefined } = libc().raw;
type Call = (sockfd: number, msgvec: number, vlen: number, flags: number, timeout: number) => number;

async function withCalls(calls: typeof raw, body: () => unknown): Promise<void> {
  const { sendmmsg, recvmmsg } = raw;
  Object.assign(raw, calls);
  try {
    await body();
  } finally {
    Object.assign(raw, { sendmmsg, recvmmsg });
  }
}

/** Counts the calls for many messages: what each asked for, and what it came to. */
export async function countingCalls(
  body: (calls: { name: string; asked: number; result: number }[]) => unknown,
): Promise<void> {
  const calls: { name: string; asked: number; result: number }[] = [];
  const counted = (name: 'sendmmsg' | 'recvmmsg'): Call => {
    const call = raw[name] ?? assert.fail(`no ${name} here`);
    return (...args) => {
      const result = call(...args);
      calls.push({ name, asked: args[2], result });
      return result;
    };
  };
  await withCalls({ sendmmsg: counted('sendmmsg'), recvmmsg: counted('recvmmsg') }, () => body(calls));
}

type Body = (a: EndpointEnd, b: EndpointEnd) => unknown;

/** Two connected endpoints, which the body may destroy itself. */
export function withEnds(framing: Framing, body: Body): Promise<void> {
  return withChannel(kindOf(`endpoint/${framing}`) as Kind<EndpointEnd>, body);
}

type ChannelTest = (title: string, body: Body) => void;

/**
 * A suite for each framing, with the kernel's calls for many messages and with none, as on systems that have none: the
 * messages then go one by one.
 */
export function batchSuites(
  name: string,
  define: (test: ChannelTest, framing: Framing, plain: Test) => void,
): void {
  for (const framing of FRAMINGS) {
    for (const [way, calls] of [
      ['at once', undefined],
      ['one by one', { sendmmsg: undefined, recvmmsg: undefined }],
    ] as const) {
      suite(`${name}, ${framing}, ${way}`, (test) => {
        const plain: Test = (title, body, options) =>
          test(title, () => (calls ? withCalls(calls, body) : body()), options);
        define((title, body) => plain(title, () => withEnds(framing, body)), framing, plain);
      });
    }
  }
}
