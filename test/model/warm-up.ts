import { closeSync } from 'node:fs';
import type { ModelEnd } from './ends.ts';
import { ROWS } from './rows.ts';
import { type TagFiles, takeTag } from './tags.ts';

/** Does once in this thread what the library does only the first time, such as to listen for the thread's exit. */
export async function warmUp(files: TagFiles): Promise<void> {
  for (const { pair, adopt } of ROWS) {
    const [a, b] = pair().map(adopt) as [ModelEnd, ModelEnd];
    const arrived = b.receiveAsync();
    const fd = files.open(1);
    a.send(fd);
    closeSync(fd);
    takeTag(await arrived);
    a.destroy();
    b.destroy();
  }
}
