import { closeSync } from 'node:fs';
import { descriptorsSettle } from '../support/descriptors.ts';
import type { ModelEnd } from './ends.ts';
import { ROWS } from './rows.ts';
import { type TagFiles, takeTag } from './tags.ts';

/** Does once in this thread what happens only the first time, in the library and in the loader. */
export async function warmUp(files: TagFiles): Promise<void> {
  for (const { pair, adopt } of ROWS) {
    const [a, b] = pair().map(adopt) as [ModelEnd, ModelEnd];
    const arrived = b.receiveAsync();
    const fd = files.open(1);
    const sent = a.sendAsync(fd);
    closeSync(fd);
    takeTag(await arrived);
    await sent;
    a.destroy();
    b.destroy();
  }
  await descriptorsSettle();
}
