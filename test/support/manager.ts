import { UnixSocket } from '../../src/index.ts';
import { type Name, withName } from './named.ts';

/** Runs the body with a socket that service managers have, of which this process is told by NOTIFY_SOCKET. */
export async function withManager(
  abstract: boolean,
  body: (manager: UnixSocket, name: Name) => Promise<void>,
): Promise<void> {
  await withName(abstract, async (name) => {
    const manager = UnixSocket.bind(name.ours, { type: 'dgram' });
    try {
      await withVariable(name.theirs, () => body(manager, name));
    } finally {
      manager.destroy();
    }
  });
}

/** Runs the body with a value of NOTIFY_SOCKET. */
export async function withVariable(value: string, body: () => unknown): Promise<void> {
  const { NOTIFY_SOCKET } = process.env;
  process.env['NOTIFY_SOCKET'] = value;
  try {
    await body();
  } finally {
    if (NOTIFY_SOCKET === undefined) delete process.env['NOTIFY_SOCKET'];
    else process.env['NOTIFY_SOCKET'] = NOTIFY_SOCKET;
  }
}
