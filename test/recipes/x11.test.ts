import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess } from '../support/processes.ts';
import { NPM, projectOf, SLOW } from '../support/projects.ts';
import { recipes } from '../support/readme.ts';
import { skip, suite } from '../support/suite.ts';

/**
 * Shares memory with the X server in both directions: a file of this process's own goes to the server (AttachFd), and
 * one of the server's comes back (CreateSegment). The server draws into each, which this process then reads.
 */
const PROGRAM = `
  import { closeSync, openSync, readSync, unlinkSync, ftruncateSync } from 'node:fs';
  import { createRequire } from 'node:module';
  import { closeFD } from 'fdchannel';
  import { x11Stream } from './x11-stream.mjs';
  const x11 = createRequire(import.meta.url)('x11');
  const stream = x11Stream(process.argv[2]);

  const display = await new Promise((resolve, reject) =>
    x11.createClient({ stream, display: ':0' }, (error, display) => error ? reject(error) : resolve(display)));
  const X = display.client;
  const root = display.screen[0].root;
  const shm = await new Promise((resolve, reject) => X.require('shm', (error, ext) => error ? reject(error) : resolve(ext)));
  const SIZE = 4 * 16;

  // Asks for four white pixels of the root window, drawn into shared memory.
  const gc = X.AllocID();
  X.CreateGC(gc, root, { foreground: 0xffffff });
  X.PolyFillRectangle(root, gc, [0, 0, 4, 4]);
  const drawn = (segment) => new Promise((resolve, reject) =>
    shm.GetImage(root, 0, 0, 4, 4, 0xffffffff, shm.ImageFormat.ZPixmap, segment, 0, (error) => error ? reject(error) : resolve()));
  const pixels = (fd) => {
    const bytes = Buffer.alloc(SIZE);
    readSync(fd, bytes, 0, SIZE, 0);
    return bytes.readUInt32LE(0) & 0xffffff;
  };

  const name = '/dev/shm/fdchannel-x11-' + process.pid;
  const file = openSync(name, 'w+');
  unlinkSync(name);
  ftruncateSync(file, SIZE);
  const own = X.AllocID();
  shm.AttachFd(own, file, false);
  await drawn(own);
  console.log('sent', pixels(file).toString(16));
  closeSync(file);

  const theirs = X.AllocID();
  const request = Buffer.alloc(16);
  request.writeUInt8(shm.majorOpcode, 0);
  request.writeUInt8(7, 1); // CreateSegment
  request.writeUInt16LE(4, 2);
  request.writeUInt32LE(theirs, 4);
  request.writeUInt32LE(SIZE, 8);
  X.seq_num++;
  X.pack_stream.put(request);
  const received = await new Promise((resolve) => {
    X.replies[X.seq_num] = [(_, count) => stream.takeFds(count), (error, fds) => resolve(fds)];
    X.pack_stream.submit(true);
  });
  await drawn(theirs);
  console.log('received', received.length, pixels(received[0]).toString(16));
  closeFD(received[0]);
  X.terminate();
`;

suite('the recipe for X11', (test) => {
  test(
    'x11 over UnixStream shares memory with the server, in both directions',
    async () => {
      const { error } = spawnSync('Xvfb', ['-help']);
      if (error) skip('Xvfb is not there: apt-get install xvfb');
      const folder = await projectOf({ manager: NPM, dependencies: { x11: '4.2.2' } });
      writeFileSync(join(folder, 'program.mjs'), PROGRAM);
      writeFileSync(join(folder, 'x11-stream.mjs'), recipes.get('x11-stream.mjs') ?? '');
      const options = ['-displayfd', '1', '-screen', '0', '64x64x24', '-nolisten', 'tcp'];
      const server = startProcess('Xvfb', options, { timeout: SLOW.timeout });
      const path = `/tmp/.X11-unix/X${await server.line()}`;
      const { exit } = startProcess(process.execPath, ['program.mjs', path], { cwd: folder });
      const { code, stdout, stderr } = await exit;
      server.child.kill('SIGTERM');
      await server.exit;
      const expected = { code: 0, stdout: 'sent ffffff\nreceived 1 ffffff\n', stderr: '' };
      assert.deepEqual({ code, stdout, stderr }, expected);
    },
    SLOW,
  );
});
