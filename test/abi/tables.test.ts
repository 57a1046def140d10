import assert from 'node:assert/strict';
import type { CType, StructDefinition, StructLayout } from '../../src/abi/abi.ts';
import { assertSupported } from '../../src/abi/host.ts';
import { ControlCodec } from '../../src/socket/control.ts';
import { suite } from '../support/suite.ts';
import { type Golden, type GoldenPlatform, type GoldenStruct, platforms } from './golden.ts';

/** What this package says of a platform, in the words of the golden figures. */
function figures({ abi, layout, golden }: GoldenPlatform): Golden {
  const codec = new ControlCodec(abi, layout);
  const struct = (prefix: string, definition: StructDefinition<string>, laidOut: StructLayout<string>) =>
    goldenStruct(prefix, definition, laidOut, layout.wordSize);
  const constant = (name: string): number => (abi as unknown as Record<string, number>)[name] as number;
  return {
    pointerSize: layout.wordSize,
    iovec: struct('iov_', abi.iovec, layout.iovec),
    msghdr: struct('msg_', abi.msghdr, layout.msghdr),
    cmsghdr: struct('cmsg_', abi.cmsghdr, layout.cmsghdr),
    pollfdSize: layout.pollfd.size,
    nfds_t: abi.nfds_t,
    cmsgAlign: layout.cmsgAlign,
    cmsgLen0: codec.length(0),
    cmsgLen4: codec.length(1),
    cmsgSpace0: codec.space(0),
    cmsgSpace4: codec.space(1),
    cmsgSpace8: codec.space(2),
    cmsgSpace1012: codec.space(253),
    constants: Object.fromEntries(Object.keys(golden.constants).map((name) => [name, constant(name)])),
  };
}

function goldenStruct(
  prefix: string,
  definition: StructDefinition<string>,
  { size, offset }: StructLayout<string>,
  wordSize: number,
): GoldenStruct {
  const width = (type: CType): number =>
    type === 'uintptr_t' || type === 'size_t' ? wordSize : Number(/\d+/.exec(type)?.[0]) / 8;
  const members = Object.entries(definition).filter(([name]) => name.startsWith(prefix));
  const short = (name: string): string => name.slice(prefix.length);
  return {
    size,
    offsets: Object.fromEntries(members.map(([name]) => [short(name), offset[name] as number])),
    widths: Object.fromEntries(members.map(([name, type]) => [short(name), width(type)])),
  };
}

const linux = {
  SO_ACCEPTCONN: 30,
  SOL_LOCAL: 0,
  LOCAL_PEERPID: 0,
  SO_PEERPIDFD: 77,
  SO_PASSRIGHTS: 83,
  SCM_PIDFD: 4,
  POLLRDHUP: 0x2000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_MOD: 3,
  MSG_WAITFORONE: 0x10000,
  SUN_PATH_BYTES: 108,
  FIONREAD: 0x541b,
  abstractNames: true,
  mostDescriptors: 253,
  accept4: true,
  dup3: true,
  framings: ['seqpacket', 'stream'],
  receiveRoom: 1,
};
const bsd = {
  SO_ACCEPTCONN: 2,
  SOL_LOCAL: 0,
  LOCAL_PEERPID: 0,
  SO_PEERPIDFD: 0,
  SO_PASSRIGHTS: 0,
  SCM_PIDFD: 0,
  POLLRDHUP: 0,
  EPOLL_CTL_ADD: 0,
  EPOLL_CTL_MOD: 0,
  MSG_WAITFORONE: 0,
  SUN_PATH_BYTES: 104,
  FIONREAD: 0x4004667f,
  abstractNames: false,
  mostDescriptors: 253,
  accept4: true,
  dup3: true,
  framings: ['stream'],
  receiveRoom: 254,
};

/** What the golden figures leave out. */
const others: Record<string, object> = {
  linux,
  android: linux,
  darwin: { ...bsd, LOCAL_PEERPID: 2, accept4: false, dup3: false },
  freebsd: bsd,
  openbsd: bsd,
};

/** What of it depends on the processor and the C library, too. */
function othersOf({ name, host, golden }: GoldenPlatform): object {
  return {
    ...others[host.platform],
    ...(host.arch === 'ppc64' && { FIONREAD: 0x4004667f }),
    ...(name.startsWith('linux-musl') && golden.pointerSize === 8 && { mostDescriptors: 252 }),
  };
}

/** An address up to its path: behind sun_len on everything that comes from BSD. */
const LINUX_NAME = { size: 4, offset: { sun_family: 0, sun_path: 2 } };
const BSD_NAME = { size: 3, offset: { sun_len: 0, sun_family: 1, sun_path: 2 } };

/** What SO_PEERCRED gives: OpenBSD's sockpeercred, the ucred of all others that have it. */
const UCRED = { size: 12, offset: { pid: 0, uid: 4, gid: 8 } };
const SOCKPEERCRED = { size: 12, offset: { uid: 0, gid: 4, pid: 8 } };

suite('the tables of the platforms', (test) => {
  for (const platform of platforms) {
    test(`${platform.name} is as its headers have it`, () => {
      assert.deepEqual(figures(platform), platform.golden);
    });

    test(`${platform.name}: what is no figure of the golden ones`, () => {
      const { abi, layout, host, golden } = platform;
      const expected = othersOf(platform);
      const said = Object.keys(expected).map((name) => [name, abi[name as keyof typeof abi]]);
      assert.deepEqual(Object.fromEntries(said), expected);
      const likeLinux = host.platform === 'linux' || host.platform === 'android';
      assert.deepEqual(layout.sockaddr_un, likeLinux ? LINUX_NAME : BSD_NAME);
      if (abi.SO_PEERCRED !== 0) assert.deepEqual(layout.ucred, likeLinux ? UCRED : SOCKPEERCRED);
      assert.deepEqual(layout.pollfd.offset, { fd: 0, events: 4, revents: 6 });

      const named = [...Object.keys(golden.constants), ...Object.keys(expected)];
      const numbers = Object.keys(abi).filter((name) => /^[A-Z]/.test(name));
      assert.deepEqual(
        numbers.filter((name) => !named.includes(name)),
        [],
        'every constant is tested',
      );
    });

    test(`${platform.name}: a message of a batch is a message and its length`, () => {
      const { abi, layout, golden, host } = platform;
      const { size } = golden.msghdr;
      const padded = Math.ceil((size + 4) / golden.pointerSize) * golden.pointerSize;
      const has = ['linux', 'android'].includes(host.platform);
      assert.deepEqual(abi.mmsghdr, has ? { msg_hdr: 'msghdr', msg_len: 'uint32_t' } : undefined);
      const laidOut = { size: padded, offset: { msg_hdr: 0, msg_len: size } };
      assert.deepEqual(layout.mmsghdr, has ? laidOut : undefined);
    });

    test(`${platform.name}: one message with room for one has room for no second head`, () => {
      const { abi, layout } = platform;
      const codec = new ControlCodec(abi, layout);
      assert.equal(codec.space(1) % layout.cmsgAlign, 0);
      assert.ok(codec.length(1) <= codec.space(1) && codec.space(1) < 2 * codec.length(0));
      assert.ok(codec.space(2) < 2 * codec.space(1));
    });
  }

  test('every supported host has its golden figures', () => {
    const archs = 'arm arm64 ia32 loong64 mips mipsel ppc ppc64 riscv64 s390 s390x x64'.split(' ');
    const systems = [...Object.keys(others), ...'aix cygwin haiku netbsd sunos win32'.split(' ')];
    const hosts = systems.flatMap((platform) =>
      ['LE', 'BE'].flatMap((endianness) => archs.map((arch) => ({ platform, arch, endianness }))),
    );
    const supported = hosts.filter((host) => {
      try {
        assertSupported(host);
        return true;
      } catch {
        return false;
      }
    });
    const name = ({ platform, arch, endianness }: (typeof hosts)[number]) =>
      `${platform} ${arch} ${endianness}`;
    const golden = new Set(platforms.map(({ host }) => name(host)));
    assert.deepEqual(supported.map(name).sort(), [...golden].sort());
  });
});
