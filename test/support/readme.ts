import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './installed.ts';

export const README: string = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** README's blocks of JavaScript, as a reader copies them. */
export const blocks: readonly string[] = [...README.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(
  ([, code]) => code as string,
);

/** The blocks that begin with the name of their file, by that name. */
export const recipes: ReadonlyMap<string, string> = new Map(
  blocks.flatMap((code) => {
    const name = /^\/\/ (\S+\.mjs)\n/.exec(code)?.[1];
    return name === undefined ? [] : [[name, code] as const];
  }),
);
