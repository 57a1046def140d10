import assert from 'node:assert/strict';
import { fstatSync, mkdtempSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WITHIN_SECONDS, withChannel } from '../support/channel.ts';
import { ENDPOINTS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { startFixture } from '../support/processes.ts';
import { ENDED } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

function read(fd: number): string {
  const bytes = Buffer.alloc(4);
  return bytes.toString('utf8', 0, readSync(fd, bytes));
}

for (const kind of ENDPOINTS) {
  suite(`between processes, ${kind.name}`, (test) => {
    test('a file goes to a child and another comes back; the first one’s offset is shared', () =>
      withChannel(kind, (own, peer) =>
        withDescriptors([temporaryFile('one two')], async (file) => {
          const directory = mkdtempSync(join(tmpdir(), 'fdchannel-'));
          const path = join(directory, 'answer');
          const fixture = startFixture('answers-with-file.ts', { args: [path], fds: [peer.fd] });
          peer.destroy();
          own.send(file);

          await withDescriptors([own.receive(WITHIN_SECONDS)], (answer) => {
            assert.equal(read(file), 'two');
            assert.equal(read(answer), 'ONE ');
            const { dev, ino } = statSync(path);
            const received = fstatSync(answer);
            assert.deepEqual([received.dev, received.ino], [dev, ino]);
          });
          rmSync(directory, { recursive: true });

          own.shutdown();
          const { code, stdout, stderr } = await fixture.exit;
          assert.deepEqual([code, stderr], [0, '']);
          const { dev, ino } = fstatSync(file);
          assert.deepEqual(JSON.parse(stdout), { dev, ino, text: 'one ', end: ENDED[1] });
        }),
      ));
  });
}
