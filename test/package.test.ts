import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, ROOT, run, SLOW } from './support/installed.ts';
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
    Endpoint, newConnectedSockets, newEndpoint, type ReceiveOptions, SyscallError, UnsupportedPlatformError,
  } from 'fdchannel';

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
          ...[
            'ChannelError',
            'Endpoint',
            'SyscallError',
            'UnixListener',
            'UnixSocket',
            'UnsupportedPlatformError',
          ],
          ...['closeFD', 'closeFDs', 'descriptorOf', 'newConnectedSockets', 'newEndpoint'],
        ],
        version,
        'ERR_PACKAGE_PATH_NOT_EXPORTED',
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
