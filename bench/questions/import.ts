import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { now } from '../harness/clock.ts';
import type { Question, Side } from '../harness/question.ts';
import { pairwise, spread } from '../harness/statistics.ts';

const EMPTY = 'an empty module';
const LIBRARY = new URL('../../src/index.js', import.meta.url).href;
const FIRST_USE = 'const [a, b] = m.newConnectedSockets(); m.newEndpoint(a).destroy(); m.closeFD(b);';

const question: Question = {
  name: 'import',
  title: 'Time to import: a fresh process each time, from its start to its end',
  async measure(bench) {
    const empty = join(bench.temp, 'empty.mjs');
    writeFileSync(empty, '');
    const rounds = await bench.compare(
      [
        importing(EMPTY, pathToFileURL(empty).href),
        importing('koffi', import.meta.resolve('koffi')),
        importing('fdchannel', LIBRARY),
        importing('fdchannel, first use', LIBRARY, FIRST_USE),
      ],
      {
        metric: 'time of the whole process',
        budget: { rounds: bench.quick ? 7 : 51, batchNs: 1, warmUpNs: 1 },
      },
    );
    const base = rounds.get(EMPTY) ?? [];
    for (const [side, times] of rounds) {
      const added = pairwise(times, base, (time, empty) => time - empty);
      if (side === EMPTY || added.length === 0) continue;
      bench.figure({ side, metric: 'added to an empty module', unit: 'ns', value: spread(added) });
    }
  },
};
export default question;

function importing(name: string, url: string, use = ''): Side {
  const script = `const m = await import(${JSON.stringify(url)}); ${use}`;
  const once = (): number => {
    const start = now();
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`importing ${name} failed: ${stderr}`);
    return now() - start;
  };
  const each = (count: number): number[] => Array.from({ length: count }, once);
  return { name, each, batch: (count) => each(count).reduce((sum, ns) => sum + ns, 0) };
}
