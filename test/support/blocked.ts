import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { skip } from './suite.ts';

/** The kernel's numbers of the system calls in which a thread may wait (asm/unistd.h). */
const NUMBERS: Record<string, Record<number, string>> = {
  x64: {
    0: 'read',
    7: 'poll',
    42: 'connect',
    43: 'accept',
    44: 'sendto',
    45: 'recvfrom',
    46: 'sendmsg',
    47: 'recvmsg',
    202: 'futex',
    219: 'poll', // restart_syscall: a poll goes on after a signal that another thread took
    271: 'ppoll',
    288: 'accept4',
    299: 'recvmmsg',
    307: 'sendmmsg',
  },
  arm64: {
    63: 'read',
    73: 'ppoll',
    98: 'futex',
    128: 'ppoll',
    202: 'accept',
    203: 'connect',
    206: 'sendto',
    207: 'recvfrom',
    211: 'sendmsg',
    212: 'recvmsg',
    242: 'accept4',
    243: 'recvmmsg',
    269: 'sendmmsg',
  },
};

/** Where a blocking call waits for its peer. Node's own waits, epoll_wait and futex, are none of these. */
const PEER = [
  ...['recvmsg', 'recvmmsg', 'sendto', 'sendmsg', 'sendmmsg'],
  ...['poll', 'ppoll', 'accept', 'accept4', 'connect'],
];

/**
 * Waits until a thread is asleep in one of the system calls. Skips the test where nothing tells.
 *
 * @param tid a thread of the process; without it the main thread
 * @returns the name of the call
 */
export async function untilBlocked(pid: number, tid = pid, calls: readonly string[] = PEER): Promise<string> {
  const names = process.platform === 'linux' ? NUMBERS[process.arch] : undefined;
  if (!names) skip(`no way to see a blocked thread on ${process.platform} ${process.arch}`);
  for (let seen: string | undefined; ; ) {
    // "running", or the number of the call that the thread sleeps in. The file is gone with the thread.
    const [number] = readFileSync(`/proc/${pid}/task/${tid}/syscall`, 'utf8').split(' ');
    const name = names[Number(number)];
    // A call that does not wait may sleep for a moment, too, for memory or a lock.
    if (name !== undefined && name === seen && calls.includes(name)) return name;
    seen = name;
    await delay(1);
  }
}
