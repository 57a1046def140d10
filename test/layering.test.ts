import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { suite } from './support/suite.ts';

/** Which rooms, packages and parts of Node each room of src/ may import. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  errors: ['node:util'],
  abi: ['abi', 'errors'],
  message: ['abi', 'errors'],
  libc: ['koffi', 'node:module', 'node:os', 'node:worker_threads', 'abi', 'errors', 'libc'],
  'guarded-poll': ['libc', 'node:net'],
  readiness: ['libc', 'guarded-poll', 'node:timers', 'node:worker_threads'],
  aborts: [],
  handle: ['libc', 'readiness', 'aborts'],
  descriptors: ['errors', 'node:*'],
  endpoint: ['handle', 'message', 'libc', 'abi', 'descriptors', 'errors'],
  index: ['endpoint', 'descriptors', 'errors'],
  demo: ['index', 'libc', 'node:*'],
};

/** The one file that loads koffi, and does so when it is first needed. */
const LOADS_KOFFI = 'libc/binding.ts';

/** Texts by their path in src/. */
type Sources = Readonly<Record<string, string>>;

interface Import {
  readonly from: string;
  readonly specifier: string;
  readonly kind: 'type' | 'static' | 'called';
}

const STATEMENT =
  /^(?:import|export)\s+(?:(?<type>type)\s+(?!from\b))?(?:[\w*{][^;'"`]*?\bfrom\s*)?['"](?<specifier>[^'"]+)['"]/gm;
const CALL = /\b(?:import|require\w*|\w*[rR]esolve)\s*\(\s*['"`](?<specifier>[^'"`]+)['"`]/g;

function importsOf(from: string, text: string): Import[] {
  const found = (pattern: RegExp, kind: (type: string | undefined) => Import['kind']) =>
    [...text.matchAll(pattern)].map(({ groups = {} }): Import => {
      return { from, specifier: groups['specifier'] as string, kind: kind(groups['type']) };
    });
  return [...found(STATEMENT, (type) => (type ? 'type' : 'static')), ...found(CALL, () => 'called')];
}

function targetOf({ from, specifier }: Import): string {
  return specifier.startsWith('.') ? join(dirname(from), specifier) : specifier;
}

function roomOf(target: string): string {
  return target.replace(/\/.*|\.ts$/g, '');
}

function allowed(one: Import): boolean {
  const target = targetOf(one);
  const names = ROOMS[roomOf(one.from)] ?? [];
  if (one.specifier.startsWith('.')) return names.includes(roomOf(target));
  return names.includes(target) || (target.startsWith('node:') && names.includes('node:*'));
}

/** The files of one cycle, or undefined. */
function cycleIn(edges: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

/** One line for everything that is against the order of the rooms. */
function violations(sources: Sources): string[] {
  const files = Object.keys(sources);
  const imports = files.flatMap((file) => importsOf(file, sources[file] as string));
  const edges = new Map(
    files.map((file) => {
      const own = imports.filter(({ from, specifier }) => from === file && specifier.startsWith('.'));
      // The tables are of the type that stands beside them.
      const real = own.filter(
        (one) => !(one.kind === 'type' && roomOf(file) === 'abi' && roomOf(targetOf(one)) === 'abi'),
      );
      return [file, real.map(targetOf)];
    }),
  );
  const cycle = cycleIn(edges);
  return [
    ...files.filter((file) => !(roomOf(file) in ROOMS)).map((file) => `${file} is in no room`),
    ...imports.filter((one) => !allowed(one)).map(({ from, specifier }) => `${from} imports ${specifier}`),
    ...imports
      .filter(({ specifier, kind }) => specifier.startsWith('.') && kind === 'called')
      .map(({ from, specifier }) => `${from} imports ${specifier} by a call`),
    ...(cycle ? [`cycle: ${cycle.join(' -> ')}`] : []),
    // Quoted, whatever is done with it; comments may speak of it.
    ...files
      .filter((file) => roomOf(file) !== 'libc' && /['"`](?:koffi|@koromix)\b/.test(sources[file] as string))
      .map((file) => `${file} mentions koffi`),
    ...imports
      .filter(
        ({ from, specifier, kind }) =>
          specifier === 'koffi' && kind !== 'type' && !(from === LOADS_KOFFI && kind === 'called'),
      )
      .map(({ from, kind }) => `${from} loads koffi (${kind})`),
  ];
}

function sourceFiles(): Sources {
  const folder = join(import.meta.dirname, '../src');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

suite('the rooms of src', (test) => {
  test('imports go one way', () => assert.deepEqual(violations(sourceFiles()), []));

  test('every room is there', () => {
    const rooms = new Set(Object.keys(sourceFiles()).map(roomOf));
    assert.deepEqual([...rooms].sort(), Object.keys(ROOMS).sort());
  });

  test('as many imports are seen as there are', () => {
    const sources = sourceFiles();
    for (const [file, text] of Object.entries(sources)) {
      // What stands at the end of every such statement, counted in another way.
      const statements = text
        .split('\n')
        .filter((line) => /^(?:import\b|\}|export\b).*\bfrom ['"]/.test(line));
      const seen = importsOf(file, text).filter(({ kind }) => kind !== 'called');
      assert.equal(seen.length, statements.length, file);
    }
    const called = Object.keys(sources).flatMap((file) => importsOf(file, sources[file] as string));
    assert.deepEqual(
      called.filter(({ kind }) => kind === 'called'),
      [{ from: LOADS_KOFFI, specifier: 'koffi', kind: 'called' }],
    );
  });
});

suite('the checker of the rooms', (test) => {
  const cases: readonly [title: string, sources: Sources, expected: readonly string[]][] = [
    [
      'finds nothing where nothing is wrong',
      {
        'errors.ts': "import { inspect } from 'node:util';\n",
        'abi/abi.ts': "import { SyscallError } from '../errors.ts';\nimport { linux } from './linux.ts';\n",
        'abi/linux.ts': "import type { Abi } from './abi.ts';\n",
        'libc/layout.ts': "import type koffi from 'koffi';\n",
        'libc/binding.ts': "const koffi = requireFrom('koffi');\n",
        'descriptors.ts': "// koffi is not here\nimport type { Socket } from 'node:net';\n",
      },
      [],
    ],
    [
      'finds a wrong import',
      { 'errors.ts': "import { libc } from './libc/calls.ts';\n", 'libc/calls.ts': '' },
      ['errors.ts imports ./libc/calls.ts'],
    ],
    [
      'finds a wrong import of a type',
      { 'message.ts': "import type { Libc } from './libc/calls.ts';\n", 'libc/calls.ts': '' },
      ['message.ts imports ./libc/calls.ts'],
    ],
    [
      'finds a wrong import over several lines',
      { 'abi/linux.ts': "import {\n  one,\n  type Two,\n} from '../message.ts';\n", 'message.ts': '' },
      ['abi/linux.ts imports ../message.ts'],
    ],
    [
      'finds a wrong re-export',
      {
        'index.ts': "export * from './handle.ts';\nexport { type A, b } from './message.ts';\n",
        'handle.ts': '',
        'message.ts': '',
      },
      ['index.ts imports ./handle.ts', 'index.ts imports ./message.ts'],
    ],
    [
      'finds an import for its effect, and one by a call',
      {
        'errors.ts': "import './aborts.ts';\nawait import('./index.ts');\n",
        'aborts.ts': '',
        'index.ts': '',
      },
      [
        'errors.ts imports ./aborts.ts',
        'errors.ts imports ./index.ts',
        'errors.ts imports ./index.ts by a call',
      ],
    ],
    [
      'finds a part of Node that is not for that room',
      { 'message.ts': "import { openSync } from 'node:fs';\n", 'errors.ts': "import fs from 'node:fs';\n" },
      ['message.ts imports node:fs', 'errors.ts imports node:fs'],
    ],
    ['finds a package', { 'demo.ts': "import kleur from 'kleur';\n" }, ['demo.ts imports kleur']],
    ['finds a room without a rule', { 'utils.ts': '' }, ['utils.ts is in no room']],
    [
      'finds a cycle within a room',
      {
        'libc/a.ts': "import { b } from './b.ts';\n",
        'libc/b.ts': "import { c } from './c.ts';\n",
        'libc/c.ts': "import { a } from './a.ts';\n",
      },
      ['cycle: libc/a.ts -> libc/b.ts -> libc/c.ts -> libc/a.ts'],
    ],
    [
      'finds a cycle of types',
      { 'libc/a.ts': "import { b } from './b.ts';\n", 'libc/b.ts': "import type { A } from './a.ts';\n" },
      ['cycle: libc/a.ts -> libc/b.ts -> libc/a.ts'],
    ],
    [
      'finds a cycle of values in abi',
      {
        'abi/abi.ts': "import { linux } from './linux.ts';\n",
        'abi/linux.ts': "import { type Abi } from './abi.ts';\n",
      },
      ['cycle: abi/abi.ts -> abi/linux.ts -> abi/abi.ts'],
    ],
    [
      'finds another file that imports koffi',
      { 'endpoint.ts': "import koffi from 'koffi';\n" },
      ['endpoint.ts imports koffi', 'endpoint.ts mentions koffi', 'endpoint.ts loads koffi (static)'],
    ],
    [
      'finds another file that loads koffi in some other way',
      { 'demo.ts': 'const name = "koffi";\nload(name);\n' },
      ['demo.ts mentions koffi'],
    ],
    [
      'finds a second file of libc that loads koffi, and one that loads it at import',
      {
        'libc/calls.ts': "const koffi = require('koffi');\n",
        'libc/binding.ts': "import koffi from 'koffi';\n",
      },
      ['libc/calls.ts loads koffi (called)', 'libc/binding.ts loads koffi (static)'],
    ],
  ];
  for (const [title, sources, expected] of cases) {
    test(title, () => assert.deepEqual(violations(sources), expected));
  }
});
