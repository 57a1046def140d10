import { fstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { isatty } from 'node:tty';

const ACCESS = ['reading', 'writing', 'reading and writing'];

/** What a descriptor leads to, as well as the system tells. */
export function descriptionOf(fd: number): string {
  const stats = fstatSync(fd);
  const size = stats.isFile() ? [`${stats.size} bytes`] : [];
  const identity = `device ${stats.dev}, inode ${stats.ino}`;
  return [`${kindOf(fd, stats)}${nameOf(fd)}`, ...size, ...accessOf(fd), identity].join(', ');
}

function kindOf(fd: number, stats: Stats): string {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isFIFO()) return 'pipe';
  if (stats.isSocket()) return 'socket';
  if (stats.isBlockDevice()) return 'block device';
  if (stats.isCharacterDevice()) return isatty(fd) ? 'terminal' : 'character device';
  return 'something without a name';
}

function nameOf(fd: number): string {
  const target = onLinux(() => readlinkSync(`/proc/self/fd/${fd}`));
  return target === undefined ? '' : ` ${target}`;
}

function accessOf(fd: number): string[] {
  const text = onLinux(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  const [, flags] = /^flags:\s*([0-7]+)$/m.exec(text ?? '') ?? [];
  const access = ACCESS[Number.parseInt(flags ?? '', 8) & 3];
  return flags === undefined || access === undefined ? [] : [`open for ${access}`];
}

/** What /proc says, where there is one. */
function onLinux(look: () => string): string | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
