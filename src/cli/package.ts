import { readFileSync } from 'node:fs';

/** The version of this package. */
export function version(): string {
  // As far from dist/cli/ as from src/cli/.
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
