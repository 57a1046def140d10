import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const DIRECTORY = existsSync('/proc/self/fd') ? '/proc/self/fd' : '/dev/fd';

/** What a descriptor refers to: more than its number, which is reused as soon as it is free. */
export interface Identity {
  readonly device: bigint;
  readonly inode: bigint;
  /** Linux's name of it, `socket:[4711]` or a path. The anonymous inodes all share one number: only this tells them apart. */
  readonly target: string | undefined;
}

/** The path of an open descriptor. Deno's `fs` takes no number that it has not opened. */
export function pathOf(fd: number): string {
  return `${DIRECTORY}/${fd}`;
}

/** @throws ENOENT when `fd` is not open */
export function identity(fd: number): Identity {
  const { dev, ino } = statSync(pathOf(fd), { bigint: true });
  return { device: dev, inode: ino, target: targetOf(fd) };
}

export function isOpen(fd: number): boolean {
  return existsSync(pathOf(fd));
}

/** Whether two open descriptors refer to the same file, socket or pipe, whatever their numbers and processes. */
export function sameFile(a: number | Identity, b: number | Identity): boolean {
  const one = typeof a === 'number' ? identity(a) : a;
  const other = typeof b === 'number' ? identity(b) : b;
  return one.device === other.device && one.inode === other.inode;
}

/** Every descriptor of this process, those of its threads and of Node included. */
export function openDescriptors(): Map<number, Identity> {
  const open = new Map<number, Identity>();
  for (const name of readdirSync(DIRECTORY)) {
    const fd = Number(name);
    try {
      open.set(fd, identity(fd));
    } catch {
      // The descriptor that read the directory, or one that another thread closed meanwhile.
    }
  }
  return open;
}

/** One line for each descriptor that was opened, closed, or exchanged for another under the same number. */
export function changes(before: Map<number, Identity>, after: Map<number, Identity>): string[] {
  const numbers = [...new Set([...before.keys(), ...after.keys()])].sort((a, b) => a - b);
  return numbers.flatMap((fd) => {
    const [was, is] = [before.get(fd), after.get(fd)];
    if (was && is) return isSame(was, is) ? [] : [`${fd} was exchanged: ${show(was)} is now ${show(is)}`];
    if (is) return [`${fd} was left open: ${show(is)}`];
    return was ? [`${fd} was closed: ${show(was)}`] : [];
  });
}

/** Waits for what the runtime opens late, and what the loader, as it has compiled, opens and closes in the background. */
export async function descriptorsSettle(): Promise<void> {
  // Deno opens a pair of sockets for its first listener to a signal; without one, half a second after its start.
  process.on('SIGUSR2', listen).off('SIGUSR2', listen);
  let before: Map<number, Identity>;
  do {
    before = openDescriptors();
    await delay(50);
  } while (usesCache(before) || changes(before, openDescriptors()).length > 0);
}

function listen(): void {}

/** Whether tsx writes to its cache, or looks through it for what is old, as it does when it has compiled a file. */
function usesCache(open: Map<number, Identity>): boolean {
  const cache = join(tmpdir(), `tsx-${process.geteuid?.()}`);
  return [...open.values()].some(({ target }) => target?.startsWith(cache));
}

function isSame(a: Identity, b: Identity): boolean {
  return sameFile(a, b) && a.target === b.target;
}

function show({ device, inode, target }: Identity): string {
  return `${target ?? 'unnamed'} (device ${device}, inode ${inode})`;
}

function targetOf(fd: number): string | undefined {
  try {
    return readlinkSync(pathOf(fd));
  } catch {
    return undefined;
  }
}
