import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import type { Abi, CType, StructLayout } from '../../src/abi/abi.ts';
import { abiOf, assertSupported } from '../../src/abi/host.ts';
import { UnsupportedPlatformError } from '../../src/errors.ts';
import { libc } from '../../src/libc/calls.ts';
import { ControlCodec } from '../../src/socket/control.ts';
import { javascriptOf } from '../support/javascript.ts';
import { startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';

/** The structures with the prefix of their members' names. */
const PREFIXES = {
  iovec: 'iov_',
  msghdr: 'msg_',
  cmsghdr: 'cmsg_',
  mmsghdr: 'msg_',
  pollfd: '',
  sockaddr_un: 'sun_',
  ucred: '',
} as const;
type Struct = keyof typeof PREFIXES;
/** Of an address the table has the part before the path, and the path's size as a constant. */
const HEAD = 'sockaddr_un';
const COUNTS = [0, 1, 2, 253];
const HEADERS = 'fcntl.h poll.h stddef.h stdio.h sys/ioctl.h sys/socket.h sys/uio.h sys/un.h'.split(' ');
/** Younger than some of the headers that this may be compiled with. */
const YOUNG = ['SCM_PIDFD', 'SO_PEERPIDFD', 'SO_PASSRIGHTS'];

/** What a C program prints, in the order of its lines. */
type Facts = Record<string, number>;

/** The structures that this host has. */
function structsOf(abi: Abi): Struct[] {
  return (Object.keys(PREFIXES) as Struct[]).filter((struct) => abi[struct] !== undefined);
}

function membersOf(abi: Abi, struct: Struct): [string, CType | 'msghdr'][] {
  const definition: Readonly<Record<string, CType | 'msghdr'>> = abi[struct] ?? {};
  return Object.entries(definition).filter(([name]) => name.startsWith(PREFIXES[struct]));
}

function constantsOf(abi: Abi): [string, number][] {
  return Object.entries(abi).filter(([name]) => /^[A-Z]/.test(name)) as [string, number][];
}

/** What this package says of this host. */
function ours(): Facts {
  const { abi, layout } = libc();
  const codec = new ControlCodec(abi, layout);
  const facts: Facts = { size_t: layout.wordSize, nfds_t: koffi.sizeof(abi.nfds_t) };
  const width = (type: CType | 'msghdr'): number => {
    if (type === 'msghdr') return layout.msghdr.size;
    return type === 'uintptr_t' ? layout.wordSize : koffi.sizeof(type);
  };
  for (const struct of structsOf(abi)) {
    const { size, offset } = layout[struct] as StructLayout<string>;
    if (struct !== HEAD) facts[struct] = size;
    for (const [name, type] of membersOf(abi, struct)) {
      facts[`${struct}.${name}`] = offset[name] as number;
      if (name === 'sun_path') continue;
      facts[`${struct}.${name} width`] = width(type);
    }
  }
  if (layout.epoll_event) {
    facts['epoll_event'] = layout.epoll_event.size;
    facts['epoll_event.events'] = layout.epoll_event.offset.events;
    facts['epoll_event.data'] = layout.epoll_event.offset.data;
  }
  for (const count of COUNTS) {
    facts[`CMSG_LEN ${count}`] = codec.length(count);
    facts[`CMSG_SPACE ${count}`] = codec.space(count);
  }
  facts['CMSG_ALIGN'] = layout.cmsgAlign;
  for (const [name, value] of constantsOf(abi)) facts[name] = value;
  return facts;
}

/** The C program that says the same of its own headers. */
function program(): string {
  const { abi } = libc();
  const lines: string[] = [];
  const say = (name: string, expression: string) =>
    lines.push(`  printf("%s\\"${name}\\": %lld", comma, (long long)(${expression})); comma = ",\\n";`);
  say('size_t', 'sizeof(size_t)');
  say('nfds_t', 'sizeof(nfds_t)');
  for (const struct of structsOf(abi)) {
    if (struct !== HEAD) say(struct, `sizeof(struct ${struct})`);
    for (const [name] of membersOf(abi, struct)) {
      say(`${struct}.${name}`, `offsetof(struct ${struct}, ${name})`);
      if (name === 'sun_path') continue;
      say(`${struct}.${name} width`, `sizeof(((struct ${struct} *)0)->${name})`);
    }
  }
  if (abi.epoll_event) {
    // Its 64 bits of data are two words here.
    say('epoll_event', 'sizeof(struct epoll_event)');
    for (const name of ['events', 'data'])
      say(`epoll_event.${name}`, `offsetof(struct epoll_event, ${name})`);
  }
  for (const count of COUNTS) {
    say(`CMSG_LEN ${count}`, `CMSG_LEN(${count} * sizeof(int))`);
    say(`CMSG_SPACE ${count}`, `CMSG_SPACE(${count} * sizeof(int))`);
  }
  say('CMSG_ALIGN', 'CMSG_SPACE(1) - CMSG_SPACE(0)');
  for (const [name] of constantsOf(abi)) {
    lines.push(`#ifdef ${name}`);
    say(name, name);
    lines.push('#else');
    say(name, '0');
    lines.push('#endif');
  }
  return [
    '#define _GNU_SOURCE',
    ...HEADERS.map((file) => `#include <${file}>`),
    '#define SUN_PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)',
    '#if __has_include(<sys/epoll.h>)',
    '#include <sys/epoll.h>',
    '_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT, "they are those of poll(2)");',
    '#endif',
    'int main(void) {',
    '  const char *comma = "{\\n";',
    ...lines,
    '  printf("}\\n");',
    '}\n',
  ].join('\n');
}

async function compiled(): Promise<Facts> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-abi-'));
  try {
    const [source, binary] = [join(folder, 'abi.c'), join(folder, 'abi')];
    writeFileSync(source, program());
    const compiler = await startProcess('cc', ['-o', binary, source]).exit;
    assert.equal(compiler.code, 0, compiler.stderr);
    const { stdout } = await startProcess(binary, []).exit;
    return JSON.parse(stdout) as Facts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function hasCompiler(): Promise<boolean> {
  const { code } = await startProcess('sh', ['-c', 'command -v cc']).exit;
  return code === 0;
}

suite("the host's own table", (test) => {
  test('it is what the C compiler says', async () => {
    if (!(await hasCompiler())) skip('no cc here to ask');
    const [said, actual] = [ours(), await compiled()];
    assert.ok(Object.keys(actual).length > 60, 'the program tells everything');
    for (const name of YOUNG) if (actual[name] === 0) said[name] = 0;
    assert.deepEqual(said, actual);
  });
});

const SUPPORTED = [
  'linux (x64, arm64, arm, ia32, riscv64, loong64, ppc64)',
  'android (x64, arm64)',
  'darwin (x64, arm64)',
  'freebsd (x64, arm64, ia32)',
  'openbsd (x64, arm64, ia32)',
];

const unsupported: readonly [platform: string, arch: string, endianness: string][] = [
  ['win32', 'x64', 'LE'],
  ['linux', 's390x', 'BE'],
  ['linux', 'ppc64', 'BE'],
  ['linux', 'x64', 'BE'],
  ['linux', 'mips', 'LE'],
  ['linux', '', 'LE'],
  ['android', 'arm', 'LE'],
  ['darwin', 'ia32', 'LE'],
  ['sunos', 'x64', 'LE'],
  ['aix', 'ppc64', 'BE'],
  ['', 'x64', 'LE'],
  ['constructor', 'x64', 'LE'],
  ['__proto__', 'x64', 'LE'],
  ['toString', 'length', 'LE'],
];

suite('a host without a table', (test) => {
  for (const [platform, arch, endianness] of unsupported) {
    const host = { platform, arch, endianness };
    for (const [name, call] of Object.entries({ assertSupported, abiOf })) {
      test(`${name} refuses ${platform || 'no platform'} on ${arch || 'no processor'} (${endianness})`, () => {
        assert.throws(
          () => call(host, true),
          (error) => {
            assert.ok(error instanceof UnsupportedPlatformError && error instanceof Error);
            const { name, code, message } = error;
            assert.deepEqual(
              { name, code, message },
              {
                name: 'UnsupportedPlatformError',
                code: 'ERR_FDCHANNEL_UNSUPPORTED_PLATFORM',
                message:
                  `fdchannel does not support ${platform} on ${arch} (${endianness}); ` +
                  `supported, all little-endian: ${SUPPORTED.join('; ')}`,
              },
            );
            return true;
          },
        );
      });
    }
  }
});

/** Imports the package on a host that pretends to be another, uses it, and tells what was thrown. */
async function onHost(platform: string, arch: string, endianness: string): Promise<string[]> {
  const pretend = `
    import Module, { syncBuiltinESMExports } from 'node:module';
    import os from 'node:os';
    const load = Module._load;
    Module._load = (request, ...rest) => {
      if (request === 'koffi') throw new Error('no koffi here');
      return load(request, ...rest);
    };
    os.endianness = () => ${JSON.stringify(endianness)};
    syncBuiltinESMExports();
    Object.defineProperty(process, 'platform', { value: ${JSON.stringify(platform)} });
    Object.defineProperty(process, 'arch', { value: ${JSON.stringify(arch)} });
  `;
  const use = `
    const { newConnectedSockets, newEndpoint, closeFD, descriptorOf, UnsupportedPlatformError } =
      await import(${JSON.stringify(javascriptOf('src/index.ts'))});
    console.log('imported', descriptorOf({ fd: 3 }));
    for (const call of [newConnectedSockets, () => newEndpoint(3), () => closeFD(3), newConnectedSockets]) {
      try {
        console.log('returned', call());
      } catch (error) {
        const cause = error.cause ? ': ' + error.cause.message : '';
        console.log(error instanceof UnsupportedPlatformError, error.code, error.message + cause);
      }
    }
  `;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  const { code, stdout, stderr } = await startProcess(process.execPath, [
    ...['--import', preload, '--input-type=module', '--eval', use],
  ]).exit;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
}

suite('the package on a host without a table', (test) => {
  for (const [platform, arch, endianness] of [
    ['win32', 'x64', 'LE'],
    ['linux', 's390x', 'BE'],
    ['linux', 'mips', 'LE'],
  ] as const) {
    test(`${platform} on ${arch}: it is imported, and each use says what is wrong`, async () => {
      const refusal =
        'true ERR_FDCHANNEL_UNSUPPORTED_PLATFORM ' +
        `fdchannel does not support ${platform} on ${arch} (${endianness}); ` +
        `supported, all little-endian: ${SUPPORTED.join('; ')}`;
      assert.deepEqual(await onHost(platform, arch, endianness), [
        'imported 3',
        ...Array.from({ length: 4 }, () => refusal),
      ]);
    });
  }

  test('a supported host on which koffi does not load', async () => {
    const refusal =
      'true ERR_FDCHANNEL_UNSUPPORTED_PLATFORM ' +
      "fdchannel needs koffi's native module, which did not load on linux x64: no koffi here";
    assert.deepEqual(await onHost('linux', 'x64', 'LE'), [
      'imported 3',
      ...Array.from({ length: 4 }, () => refusal),
    ]);
  });
});
