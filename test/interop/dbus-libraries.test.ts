import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withBus } from '../support/bus.ts';
import { startProcess } from '../support/processes.ts';
import { NPM, type Project, projectOf, SLOW } from '../support/projects.ts';
import { skip, suite } from '../support/suite.ts';

interface Library {
  readonly name: string;
  readonly project: Project;
  /** Has `path`, `files` and `textOf`; calls `Read` with the files, `Give` for pipes, and prints both answers. */
  readonly program: string;
}

const SHARED = `
  const { closeSync, openSync, readSync, writeFileSync } = require('node:fs');
  const path = process.argv[2];
  const files = ['alpha', 'beta', 'gamma'].map((text) => {
    writeFileSync(text, text);
    return openSync(text);
  });
  const textOf = (fd) => {
    const bytes = Buffer.alloc(100);
    const length = readSync(fd, bytes);
    closeSync(fd);
    return bytes.toString('utf8', 0, length);
  };
`;

const libraries: Library[] = [
  {
    name: 'dbus-native over UnixStream',
    project: { manager: NPM, dependencies: { 'dbus-native': '0.16.1' } },
    program: `
      const { createClient } = require('dbus-native');
      const { UnixStream } = require('fdchannel');
      const client = createClient({ stream: UnixStream.connect(path) });
      const received = [];
      client.connection.on('message', ({ fds = [] }) => received.push(...fds));
      const call = (member, signature, body, fds) =>
        new Promise((resolve, reject) => {
          const to = { destination: 'org.example.Files', path: '/org/example/Files', interface: 'org.example.Files' };
          client.invoke({ ...to, member, signature, body: [body], fds }, (error, answer) =>
            error ? reject(new Error(String(error))) : resolve(answer));
        });
      (async () => {
        // The bus reads what follows the handshake at once without room for descriptors.
        await call('Give', 'as', []);
        const [, read] = await Promise.all([
          call('Read', 'ah', [0], [files[1]]),
          call('Read', 'ah', [0, 1, 2], files),
        ]);
        console.log(read);
        for (const fd of files) closeSync(fd);
        await call('Give', 'as', ['delta', 'epsilon']);
        console.log(received.map(textOf).join());
        client.connection.end();
      })();
    `,
  },
  {
    name: 'dbus-next over fdchannel/usocket',
    project: {
      manager: NPM,
      dependencies: { 'dbus-next': '0.10.2' },
      overrides: { usocket: 'fdchannel-usocket' },
    },
    program: `
      const { sessionBus, Message } = require('dbus-next');
      const bus = sessionBus({ busAddress: 'unix:path=' + path, negotiateUnixFd: true });
      const call = async (member, signature, body) => {
        const to = { destination: 'org.example.Files', path: '/org/example/Files', interface: 'org.example.Files' };
        const answer = await bus.call(new Message({ ...to, member, signature, body: [body] }));
        return answer.body[0];
      };
      (async () => {
        await call('Give', 'as', []);
        const [, read] = await Promise.all([call('Read', 'ah', [files[1]]), call('Read', 'ah', files)]);
        console.log(read);
        for (const fd of files) closeSync(fd);
        console.log((await call('Give', 'as', ['delta', 'epsilon'])).map(textOf).join());
        bus.disconnect();
      })();
    `,
  },
];

suite('D-Bus', (test) => {
  for (const { name, project, program } of libraries) {
    test(
      `${name}: files go to a service in Python, and pipes come back`,
      async () => {
        const { require_module } = process.features as { require_module?: boolean };
        if (!require_module) skip(`Node ${process.version} cannot require ES modules`);
        await withBus('dbus-files.py', async (path) => {
          const folder = await projectOf(project);
          writeFileSync(join(folder, 'program.cjs'), SHARED + program);
          const { exit } = startProcess(process.execPath, ['program.cjs', path], { cwd: folder });
          const { code, stdout, stderr } = await exit;
          const expected = { code: 0, stdout: 'alpha,beta,gamma\ndelta,epsilon\n', stderr: '' };
          assert.deepEqual({ code, stdout, stderr }, expected);
        });
      },
      SLOW,
    );
  }
});
