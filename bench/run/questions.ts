import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Question } from '../harness/question.ts';
import { BENCH } from './workspace.ts';

/** In the order in which a reader wants the answers; any other question comes after them. */
const ORDER = [
  ...['pass', 'would-block', 'framings', 'where-time-goes', 'round-trip', 'async', 'waiting'],
  ...['message', 'data', 'message-async', 'net-echo', 'many-descriptors', 'large-data', 'connect'],
  ...['stream-bytes', 'stream-descriptors', 'unix-dgram'],
];

/** Every question of the folder. */
export async function loadQuestions(): Promise<Question[]> {
  const folder = join(BENCH, 'questions');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.ts')).sort();
  const questions = await Promise.all(
    files.map(async (file) => {
      const module = (await import(pathToFileURL(join(folder, file)).href)) as { default: Question };
      if (`${module.default?.name}.ts` !== file) throw new Error(`${file} exports no question of its name`);
      return module.default;
    }),
  );
  const rank = ({ name }: Question): number => (ORDER.indexOf(name) + ORDER.length + 1) % (ORDER.length + 1);
  return questions.sort((a, b) => rank(a) - rank(b));
}
