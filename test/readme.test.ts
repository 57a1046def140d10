import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Duplex } from 'node:stream';
import * as fdchannel from '../src/index.ts';
import { ROOT } from './support/installed.ts';
import { blocks, README, recipes } from './support/readme.ts';
import { suite } from './support/suite.ts';

const MOST_LINES = 15;
const FIRST_LINES = 6;

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** The words of code between the heading and the next one of its level. */
function wordsOf(heading: string): Set<string> {
  const [, section = ''] = README.split(new RegExp(`^## ${heading}\n`, 'm'));
  const [text = ''] = section.split(/^## /m);
  const code = [...text.matchAll(/`([^`\n]+)`/g)];
  return new Set(code.flatMap(([, one]) => one?.match(/\w+/g) ?? []));
}

/** Everything that index.ts and the other module of this package's own export, types included. */
function exported(): string[] {
  const clauses = [...textOf('src/index.ts').matchAll(/^export (?:type )?\{([^}]*)\}/gm)];
  const systemd = [...textOf('src/systemd.ts').matchAll(/^export \w+ (\w+)/gm)];
  const names = clauses.flatMap(([, clause = '']) =>
    clause
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
      .map((one) => one.replace(/^type /, '').replace(/^\w+ as /, '')),
  );
  return [...names, ...systemd.map(([, name = '']) => name)];
}

/** What the declarations leave out. */
const INTERNAL = [
  ...['requireOpen', 'reset', 'trySendParts', 'sendPartsLater', 'onMessages'],
  ...['unixSocket', 'startConnecting', 'readOnceConnected'],
];

/** The methods and getters of a class and its objects, but for those that every stream of Node's has. */
function membersOf(one: { readonly prototype: object }): string[] {
  const known = new Set([...INTERNAL, ...namesUpFrom(Duplex), ...namesUpFrom(Duplex.prototype)]);
  return [...namesUpFrom(one), ...namesUpFrom(one.prototype)].filter(
    (name) => !name.startsWith('_') && !known.has(name),
  );
}

function namesUpFrom(object: object | null): string[] {
  if (object === null) return [];
  return [...Object.getOwnPropertyNames(object), ...namesUpFrom(Object.getPrototypeOf(object))];
}

/** Where a heading of a text can be linked to. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** The links of a text that lead to nothing. */
function brokenLinks(file: string): string[] {
  const text = textOf(file);
  const pictures = [...textOf('bench/plots/draw.mjs').matchAll(/name: '(\S+)'/g)].map(
    ([, name]) => `bench/results/${name}.svg`,
  );
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^https:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const there = path === '' ? file : join(dirname(file), path);
    // A picture is drawn when the bench has run.
    if (!existsSync(join(ROOT, there)) && !pictures.includes(there)) return [target];
    return anchor === undefined || anchorsOf(textOf(there)).includes(anchor) ? [] : [target];
  });
}

suite('README', (test) => {
  test('the first example is six lines, and every other one a recipe of at most fifteen', () => {
    const [first = '', ...others] = blocks;
    assert.equal(first.trimEnd().split('\n').length, FIRST_LINES);
    assert.deepEqual(others, [...recipes.values()]);
    for (const [name, code] of recipes) {
      // Behind the line with its name.
      const [, ...lines] = code.trimEnd().split('\n');
      assert.ok(lines.length <= MOST_LINES, `${name} has ${lines.length} lines`);
    }
  });

  test('every recipe is run by a test, or imported by one that is', () => {
    const folder = 'test/recipes';
    const tests = readdirSync(join(ROOT, folder)).map((file) => textOf(join(folder, file)));
    const texts = [...tests, ...recipes.values()];
    for (const name of recipes.keys()) {
      assert.ok(
        texts.some((text) => text.includes(`'${name}'`) || text.includes(`'./${name}'`)),
        name,
      );
    }
  });

  test('the reference has every export', () => {
    const words = wordsOf('Reference');
    const names = exported();
    assert.deepEqual(
      Object.keys(fdchannel).filter((name) => !names.includes(name)),
      [],
    );
    assert.deepEqual(
      names.filter((name) => !words.has(name)),
      [],
    );
  });

  test('the reference has every method', () => {
    const words = wordsOf('Reference');
    const { Endpoint, UnixListener, UnixSocket, UnixStream } = fdchannel;
    for (const one of [Endpoint, UnixListener, UnixSocket, UnixStream]) {
      const members = membersOf(one);
      assert.ok(members.length > 5);
      assert.deepEqual(
        members.filter((name) => !words.has(name)),
        [],
        one.name,
      );
    }
  });

  test('the errors have every code of a channel', () => {
    const words = wordsOf('Errors');
    const codes = textOf('src/errors.ts').match(/\bERR_\w+/g) ?? [];
    assert.ok(codes.length > 5);
    assert.deepEqual(
      codes.filter((code) => !words.has(code)),
      [],
    );
  });

  for (const file of ['README.md', 'bench/README.md', 'test/interop/README.md']) {
    test(`the links of ${file} lead somewhere`, () => assert.deepEqual(brokenLinks(file), []));
  }
});
