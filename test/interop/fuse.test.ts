import assert from 'node:assert/strict';
import { existsSync, fstatSync, mkdtempSync, readSync, rmdirSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join } from 'node:path';
import { WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { kindOf } from '../support/ends.ts';
import { withDescriptors } from '../support/files.ts';
import { startProcess } from '../support/processes.ts';
import { assertRefused, ENDED } from '../support/refusals.ts';
import { skip, suite } from '../support/suite.ts';

/** The character device that FUSE speaks through (Documentation/admin-guide/devices.txt). */
const DEVICE = '/dev/fuse';
const [MAJOR, MINOR] = [10, 229];

/** What the kernel asks a new file system first (linux/fuse.h: fuse_in_header has its length, and then this). */
const FUSE_INIT = 26;
/** No read may have room for less (FUSE_MIN_READ_BUFFER). */
const REQUEST_BYTES = 8192;

suite('libfuse’s fusermount3', (test) => {
  test('passes the descriptor of the file system that it has mounted', () =>
    withChannel(kindOf('endpoint/stream'), async (own, peer) => {
      if (!existsSync(DEVICE)) skip(`there is no ${DEVICE} here`);
      const folder = mkdtempSync(join(tmpdir(), 'fdchannel-fuse-'));
      try {
        const child = start(['-o', 'fsname=fdchannel', '--', folder], [peer.fd]);
        peer.destroy();
        const { code, stderr } = await child.exit;
        if (code !== 0) skip(`fusermount3 may not mount here: ${stderr.trim()}`);
        await withDescriptors([own.receive(WITHIN_SECONDS)], async (device) => {
          const { rdev } = fstatSync(device);
          assert.deepEqual([rdev >> 8, rdev & 0xff], [MAJOR, MINOR]);
          assert.equal(endianness(), 'LE');
          const request = Buffer.alloc(REQUEST_BYTES);
          assert.equal(readSync(device, request), request.readUInt32LE(0));
          assert.equal(request.readUInt32LE(4), FUSE_INIT);
          assertRefused(() => own.receive(WITHIN_SECONDS), ENDED);
          assert.equal((await start(['-u', '-z', '--', folder], []).exit).code, 0);
        });
      } finally {
        rmdirSync(folder);
      }
    }));
});

function start(args: readonly string[], fds: readonly number[]): ReturnType<typeof startProcess> {
  try {
    return startProcess('fusermount3', args, { fds, env: { _FUSE_COMMFD: '3' } });
  } catch {
    skip('fusermount3 is not installed');
  }
}
