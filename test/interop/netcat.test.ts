import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { ENDPOINTS } from '../support/ends.ts';
import { startProcess } from '../support/processes.ts';
import { assertRefused, ENDED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

/** Whether the netcat here is OpenBSD's, which alone passes descriptors. */
async function hasFdpass(): Promise<boolean> {
  try {
    const { stdout, stderr } = await startProcess('nc', ['-h']).exit;
    return /^OpenBSD netcat/m.test(stdout + stderr) && /-\w*F/.test(stdout + stderr);
  } catch {
    return false;
  }
}

suite('OpenBSD’s netcat', (test) => {
  for (const kind of ENDPOINTS) {
    test(`nc -F connects and passes the connection, ${kind.name}`, () =>
      withChannel(kind, async (own, peer) => {
        if (!(await hasFdpass())) skip('OpenBSD’s netcat is not installed');
        const server = createServer((socket) => socket.end('from the server')).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        const child = startProcess('sh', ['-c', `exec nc -F 127.0.0.1 ${port} >&3 3>&-`], {
          fds: [peer.fd],
        });
        peer.destroy();
        const connection = new Socket({ fd: await own.receiveAsync() });
        const closed = once(connection, 'close');
        const [text] = await once(connection, 'data');
        assert.equal(String(text), 'from the server');
        const { code, stdout, stderr } = await child.exit;
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
        assertRefused(() => own.receive(WITHIN_SECONDS), ENDED);
        connection.destroy();
        server.close();
        await Promise.all([closed, once(server, 'close')]);
      }));
  }
});
