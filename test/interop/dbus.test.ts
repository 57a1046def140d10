import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeFD, UnixSocket } from '../../src/index.ts';
import { sameFile } from '../support/descriptors.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { type Process, startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';
import { BusConnection, METHOD_CALL, SENDER, string, stringAt, uint32 } from './dbus.ts';
import { ASYNC, soon } from './exchange.ts';
import { succeeds } from './programs.ts';

const CONFIGURATION = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>ADDRESS</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** A bus of the test's own, and the address that a socket connects to. */
async function withBus(
  kind: 'path' | 'abstract',
  body: (address: string, bus: Process) => Promise<void>,
): Promise<void> {
  if (!(await succeeds(['dbus-daemon', '--version']))) skip('dbus-daemon is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
  try {
    const address = join(folder, 'bus');
    const configuration = join(folder, 'bus.conf');
    writeFileSync(configuration, CONFIGURATION.replace('ADDRESS', `unix:${kind}=${address}`));
    const bus = startProcess('dbus-daemon', [
      `--config-file=${configuration}`,
      '--nofork',
      '--print-address',
    ]);
    assert.match(await bus.line(), /^unix:/);
    await body(kind === 'abstract' ? `\0${address}` : address, bus);
    await bus.exit;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

suite('dbus-daemon', (test) => {
  for (const kind of ['path', 'abstract'] as const) {
    test(`a method call with descriptors goes to the bus and back, ${kind}`, () =>
      withBus(kind, async (address, bus) => {
        const socket = await UnixSocket.connectAsync(address, { type: 'stream', signal: soon() });
        try {
          assert.equal(socket.peerCredentials().pid, bus.pid);
          const connection = new BusConnection(socket);
          const self = await connection.begin();
          await withDescriptors([temporaryFile(), temporaryFile()], async (...files) => {
            await connection.call({
              destination: self,
              path: '/fdchannel/test',
              interface: 'fdchannel.Test',
              member: 'Take',
              signature: 'hhs',
              body: Buffer.concat([uint32(0), uint32(1), string('two files')]),
              fds: files,
            });
            const call = await connection.receive(METHOD_CALL);
            try {
              assert.equal(call.fields.get(SENDER), self);
              assert.equal(stringAt(call.body, 8), 'two files');
              assert.equal(call.fds.length, files.length);
              for (const [i, file] of files.entries()) {
                const received = call.fds[call.body.readUInt32LE(4 * i)] as number;
                assert.ok(received !== file && sameFile(received, file));
                writeSync(received, `written by ${i}`);
                assert.equal(readFileSync(`/dev/fd/${file}`, 'utf8'), `written by ${i}`);
              }
            } finally {
              for (const fd of call.fds) closeFD(fd);
            }
          });
          bus.child.kill('SIGTERM');
          assert.equal(await ASYNC.receive(socket), null);
        } finally {
          socket.destroy();
        }
      }));
  }
});
