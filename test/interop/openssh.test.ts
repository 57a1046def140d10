import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { descriptorOf } from '../../src/index.ts';
import { javascriptOf } from '../support/javascript.ts';
import { type Exit, startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';

const SSHD = '/usr/sbin/sshd';
/** Debian's init script makes it; a root's sshd does not start without. */
const SEPARATION = '/run/sshd';

/** Makes the keys and the configurations of both sides. @returns how to start each */
async function configure(folder: string): Promise<{ sshd: string[]; ssh: string[] }> {
  const file = (name: string): string => join(folder, name);
  for (const name of ['host', 'user']) {
    const { code, stderr } = await startProcess('ssh-keygen', [
      ...['-q', '-t', 'ed25519', '-N', '', '-f', file(name)],
    ]).exit;
    assert.equal(code, 0, stderr);
  }
  copyFileSync(file('user.pub'), file('authorized'));
  writeFileSync(
    file('sshd_config'),
    [
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('authorized')}`,
      'AuthenticationMethods publickey',
      'PermitRootLogin yes',
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
    ].join('\n'),
  );
  writeFileSync(
    file('ssh_config'),
    [
      `IdentityFile ${file('user')}`,
      'IdentitiesOnly yes',
      'IdentityAgent none',
      'BatchMode yes',
      `UserKnownHostsFile ${file('known')}`,
      'StrictHostKeyChecking accept-new',
      'ProxyUseFdpass yes',
    ].join('\n'),
  );
  return {
    sshd: [SSHD, '-i', '-e', '-f', file('sshd_config')],
    ssh: ['-F', file('ssh_config')],
  };
}

async function hasOpenSSH(): Promise<boolean> {
  try {
    const { stderr } = await startProcess('ssh', ['-V']).exit;
    return stderr.startsWith('OpenSSH') && existsSync(SSHD);
  } catch {
    return false;
  }
}

suite('OpenSSH', (test) => {
  test('ssh with ProxyUseFdpass goes on with the connection that a program of this package passes', async () => {
    if (!(await hasOpenSSH())) skip('OpenSSH and its server are not installed');
    if (process.getuid?.() === 0) mkdirSync(SEPARATION, { recursive: true });
    const folder = mkdtempSync(join(tmpdir(), 'fdchannel-ssh-'));
    const { sshd, ssh } = await configure(folder);
    const served: Promise<Exit>[] = [];
    const server = createServer({ pauseOnConnect: true }, (connection) => {
      const fds = [descriptorOf(connection)];
      served.push(startProcess('sh', ['-c', 'exec "$@" <&3 >&3 3>&-', 'sh', ...sshd], { fds }).exit);
      connection.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;

    const fixture = javascriptOf('test/fixtures/passes-connection.ts');
    const proxy = [process.execPath, fixture, String(port)].map((word) => `'${word}'`).join(' ');
    const destination = `${userInfo().username}@fdchannel.invalid`;
    const client = startProcess('ssh', [
      ...ssh,
      '-o',
      `ProxyCommand=${proxy}`,
      destination,
      'cat; echo done',
    ]);
    client.stdin.end('there and back\n');
    const { code, stdout, stderr } = await client.exit;
    const log = (await Promise.all(served)).map((exit) => exit.stderr).join('\n');
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'there and back\ndone\n' }, `${stderr}\n${log}`);
    assert.equal(served.length, 1);

    server.close();
    await once(server, 'close');
    rmSync(folder, { recursive: true });
  });
});
