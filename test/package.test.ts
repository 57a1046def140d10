import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, packed, ROOT, run, SLOW } from './support/installed.ts';
import { startProcess } from './support/processes.ts';
import { skip, suite } from './support/suite.ts';

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Passes this program's own text to itself. */
const PASS = `
  const [a, b] = newConnectedSockets();
  const [sender, receiver] = [newEndpoint(a), newEndpoint(b)];
  const file = openSync(process.argv[1], 'r');
  sender.sendFD(file);
  const received = receiver.recvFD({ timeout: 5000 });
  const same = fstatSync(received).ino === fstatSync(file).ino && received !== file;
  closeFD(received);
  sender.destroy();
  let code;
  try {
    receiver.recvFD();
  } catch (error) {
    code = error instanceof ChannelError && error.code;
  }
  console.log(same, code);
`;

const TYPES = `
  import { openSync } from 'node:fs';
  import { open } from 'node:fs/promises';
  import type { Server, Socket } from 'node:net';
  import {
    type AsyncOptions, ChannelError, type ChannelErrorCode, closeFD, descriptorOf, type DescriptorSource,
    Endpoint, newConnectedSockets, newEndpoint, type ReceiveOptions, SyscallError, UnixStream,
    UnsupportedPlatformError,
  } from 'fdchannel';
  import { type ListenFD, listenFDs, notify, notifyBarrier } from 'fdchannel/systemd';
  import { createSocket } from 'fdchannel/unix-dgram';
  import { UServer, USocket } from 'fdchannel/usocket';

  const pair: [number, number] = newConnectedSockets();
  const endpoint: Endpoint = newEndpoint(pair[0]);
  endpoint.sendFD(openSync('file', 'r'));
  endpoint.sendFD(endpoint);
  endpoint.sendFD(await open('file'));
  endpoint.sendFD(process.stdin);
  const timeout: ReceiveOptions = { timeout: 5 };
  const numbers: number[] = [endpoint.recvFD(), endpoint.recvFD(timeout), endpoint.recvFDNonblock(), endpoint.fd];
  const perhaps: number | undefined = endpoint.tryRecvFD();
  const signal: AsyncOptions = { signal: AbortSignal.timeout(5) };
  const later: Promise<number> = endpoint.recvFDAsync(signal);
  const sent: Promise<void> = endpoint.sendFDAsync(0, signal);
  for await (const fd of endpoint) closeFD(fd);
  const same: Endpoint = endpoint.ref().unref();
  endpoint.shutdown();
  endpoint[Symbol.dispose]();
  const given: number = new Endpoint(pair[1]).detach();
  export const sources = (socket: Socket, server: Server): DescriptorSource[] => [socket, server, { fd: given }];
  export const code = (error: unknown): ChannelErrorCode | string | number | undefined => {
    if (error instanceof ChannelError) return error.code;
    if (error instanceof SyscallError) return error.errno;
    return error instanceof UnsupportedPlatformError ? error.code : undefined;
  };
  export { later, numbers, perhaps, same, sent };

  const stream: UnixStream = UnixStream.connect('path', { allowHalfOpen: true, signal: AbortSignal.timeout(5) });
  const room: boolean = stream.writeWithFds('bytes', [0, endpoint], (error) => error?.message);
  const left: number[] = stream.takeFds(1);
  for await (const chunk of stream.setTimeout(5).unref()) String(chunk);
  const usocket: USocket = new USocket({ path: 'path' }, () => {});
  usocket.write({ data: Buffer.alloc(1), fds: [0], callback: () => {} });
  new UServer().listen({ path: 'path', backlog: 5 });
  createSocket('unix_dgram', (message, { path }) => String(message) + path).send(Buffer.alloc(1), (error) => error);
  createSocket('udp4').unref();
  export { left, room };

  const passed: ListenFD[] | undefined = listenFDs();
  for (const { fd, name } of passed ?? []) notify('FDSTORE=1\\nFDNAME=' + (name ?? 'none'), [fd], { timeout: 5 });
  export const told: boolean = notify('READY=1') && notify('STOPPING=1', passed) && notifyBarrier({ timeout: 5 });
  // @ts-expect-error: a state is a text
  notify({ READY: 1 });
  // @ts-expect-error: the manager may have given no name
  passed?.[0]?.name.length;

  // @ts-expect-error: descriptors are numbers, or objects that have one
  stream.writeWithFds('bytes', ['0']);
  // @ts-expect-error: a stream has a socket
  new UnixStream();
  // @ts-expect-error: undefined is what tryRecvFD is for
  export const sure: number = endpoint.tryRecvFD();
  // @ts-expect-error: a string has no descriptor
  descriptorOf('3');
  // @ts-expect-error: nor has every object
  endpoint.sendFD({});
  // @ts-expect-error: it is read only
  endpoint.fd = 3;
  // @ts-expect-error: not an option
  endpoint.recvFD({ timeOut: 5 });
`;

/** What attw finds for each entry point, and why it stays. */
const UNCLEAN: Readonly<Record<string, string>> = {
  'NoResolution in node10':
    'resolution without "exports", which TypeScript 7 has given up and no Node here needs',
  'CJSResolvesToESM in node16-cjs':
    'every Node that is supported requires ES modules: 20.19, 22.12 and later',
};

suite('the package, packed', (test) => {
  test(
    'publint has nothing to say',
    async () => {
      const publint = join(ROOT, 'node_modules/publint/src/cli.js');
      const { stdout } = await run(ROOT, process.execPath, publint, 'run', '--strict', await packed());
      assert.match(stdout, /All good!/);
    },
    SLOW,
  );

  test(
    'attw finds what is known, and no more',
    async () => {
      const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
      const args = [attw, await packed(), '--format', 'json', '--no-definitely-typed'];
      const { stdout } = await startProcess(process.execPath, args, { timeout: 60_000 }).exit;
      const { analysis } = JSON.parse(stdout) as {
        analysis: { problems: { kind: string; entrypoint?: string; resolutionKind?: string }[] };
      };
      const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      const typed = Object.keys(exports).filter((name) => exports[name].types);
      assert.ok(typed.includes('./systemd'));
      const found = analysis.problems.map(
        ({ kind, entrypoint, resolutionKind, ...others }) =>
          `${entrypoint}: ${kind} in ${resolutionKind ?? JSON.stringify(others)}`,
      );
      const known = typed.flatMap((name) => Object.keys(UNCLEAN).map((what) => `${name}: ${what}`));
      assert.deepEqual(found.sort(), known.sort());
    },
    SLOW,
  );
});

suite('the package, packed and installed', (test) => {
  test(
    'it has what is built of src, its texts, and nothing else',
    async () => {
      const built = filesBelow(join(ROOT, 'src')).flatMap((file) =>
        ['.js', '.d.ts'].map((extension) => join('dist', file.replace(/\.ts$/, extension))),
      );
      const expected = [...built, 'CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'].sort();
      const folder = join(await installed(), 'node_modules');
      assert.deepEqual(filesBelow(join(folder, 'fdchannel')), expected);
      const packages = readdirSync(folder).filter((name) => !name.startsWith('.'));
      assert.deepEqual(packages.sort(), ['@koromix', 'fdchannel', 'koffi'], 'koffi is all that it needs');
    },
    SLOW,
  );

  test(
    'an ES module passes a descriptor',
    async () => {
      const folder = await installed();
      const imports = `
        import { fstatSync, openSync } from 'node:fs';
        import { ChannelError, closeFD, newConnectedSockets, newEndpoint } from 'fdchannel';
      `;
      writeFileSync(join(folder, 'pass.mjs'), imports + PASS);
      const { stdout, stderr } = await run(folder, process.execPath, 'pass.mjs');
      assert.deepEqual({ stdout, stderr }, { stdout: 'true ERR_FDCHANNEL_ENDED\n', stderr: '' });
    },
    SLOW,
  );

  test(
    'a CommonJS module requires it, and passes a descriptor',
    async () => {
      const { require_module } = process.features as { require_module?: boolean };
      if (!require_module) skip(`Node ${process.version} cannot require ES modules`);
      const folder = await installed();
      const imports = `
        const { fstatSync, openSync } = require('node:fs');
        const { ChannelError, closeFD, newConnectedSockets, newEndpoint } = require('fdchannel');
      `;
      writeFileSync(join(folder, 'pass.cjs'), imports + PASS);
      const { stdout } = await run(folder, process.execPath, 'pass.cjs');
      assert.equal(stdout, 'true ERR_FDCHANNEL_ENDED\n');
    },
    SLOW,
  );

  test(
    'only what index.ts exports can be imported',
    async () => {
      const folder = await installed();
      const script = `
        const names = Object.keys(await import('fdchannel')).sort();
        const { version } = (await import('fdchannel/package.json', { with: { type: 'json' } })).default;
        const inner = await import('fdchannel/dist/libc/calls.js').catch(({ code }) => code);
        console.log(JSON.stringify([names, version, inner]));
      `;
      const args = ['--no-warnings', '--input-type=module', '--eval', script];
      const { stdout } = await run(folder, process.execPath, ...args);
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
      assert.deepEqual(JSON.parse(stdout), [
        [
          ...['ChannelError', 'Endpoint', 'SyscallError', 'UnixListener', 'UnixSocket', 'UnixStream'],
          ...['UnsupportedPlatformError', 'closeFD', 'closeFDs', 'descriptorOf'],
          ...['newConnectedSockets', 'newEndpoint'],
        ],
        version,
        'ERR_PACKAGE_PATH_NOT_EXPORTED',
      ]);
    },
    SLOW,
  );

  test(
    'the subpaths are required and imported as the same',
    async () => {
      const { require_module } = process.features as { require_module?: boolean };
      if (!require_module) skip(`Node ${process.version} cannot require ES modules`);
      const folder = await installed();
      const script = `
        const names = ['usocket', 'unix-dgram', 'systemd'].map((name) => {
          const required = require('fdchannel/' + name);
          return import('fdchannel/' + name).then((imported) =>
            [Object.keys(required).sort(), Object.keys(imported).filter((one) => required[one] !== imported[one])]);
        });
        Promise.all(names).then((found) => console.log(JSON.stringify(found)));
      `;
      const args = ['--no-warnings', '--input-type=commonjs', '--eval', script];
      const { stdout } = await run(folder, process.execPath, ...args);
      assert.deepEqual(JSON.parse(stdout), [
        [['UServer', 'USocket'], []],
        [['Socket', 'createSocket'], []],
        [['listenFDs', 'notify', 'notifyBarrier'], []],
      ]);
    },
    SLOW,
  );

  test(
    'npx runs the demo',
    async () => {
      const { stdout, stderr } = await run(await installed(), 'npx', '--no-install', 'fdchannel');
      assert.match(stdout, /inode \d+/);
      assert.match(stdout, /p50.*p99/s);
      assert.match(stdout, /same inode: one open file, two processes\n$/);
      assert.ok(stdout.split('\n').length <= 20, stdout);
      assert.ok(!stdout.includes('\x1b'), 'colours are for terminals');
      assert.doesNotMatch(stderr, /Error|Warning/);
    },
    SLOW,
  );

  test(
    'a strict TypeScript program is type-checked',
    async () => {
      const folder = await installed();
      writeFileSync(join(folder, 'types.mts'), TYPES);
      const compilerOptions = {
        ...{ module: 'nodenext', target: 'es2022', noEmit: true },
        ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
        ...{ typeRoots: [join(ROOT, 'node_modules/@types')], types: ['node'] },
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['types.mts'] }));
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(folder, process.execPath, tsc, '-p', folder);
      assert.equal(stdout, '');
    },
    SLOW,
  );
});
