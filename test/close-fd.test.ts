import assert from 'node:assert/strict';
import { closeFD } from '../src/index.ts';
import { isOpen, openDescriptors } from './support/descriptors.ts';
import { ENDPOINTS } from './support/ends.ts';
import { temporaryFile, withDescriptors } from './support/files.ts';
import { duplicate } from './support/raw.ts';
import { assertRefused, BAD_TYPE, closed, NO_DESCRIPTORS } from './support/refusals.ts';
import { suite } from './support/suite.ts';
import { startWorker } from './support/threads.ts';

suite('closeFD', (test) => {
  test('closes', () =>
    withDescriptors([temporaryFile()], (kept) => {
      const before = openDescriptors();
      const fd = duplicate(kept);
      assert.equal(closeFD(fd), undefined);
      assert.deepEqual(openDescriptors(), before);
    }));

  test('refuses what is no descriptor', () =>
    withDescriptors([temporaryFile()], (fd) => {
      const before = openDescriptors();
      for (const [value, refusal] of [...NO_DESCRIPTORS, [{ fd }, BAD_TYPE] as const])
        assertRefused(() => closeFD(value as number), refusal, String(typeof value));
      assert.deepEqual(openDescriptors(), before);
    }));

  test('refuses a number that is not open', () => {
    const fd = temporaryFile();
    closeFD(fd);
    assert.ok(!isOpen(fd));
    for (const number of [fd, 2 ** 31 - 1]) assertRefused(() => closeFD(number), closed('close'));
  });

  for (const kind of ENDPOINTS) {
    test(`closes what came to a worker without a warning, where fs warns, ${kind.name}`, async () => {
      const [a, b] = kind.pair();
      for (let i = 0; i < 2; i++) a.send(0);
      const thread = await startWorker('closes-received.ts', b.fd);
      const { byCloseFD, byFs } = (await thread.next()) as Record<string, string[]>;
      assert.deepEqual(byCloseFD, []);
      assert.equal(byFs?.length, 1, 'the test sees a warning');
      await thread.exit;
      for (const end of [a, b]) end.destroy();
    });
  }
});
