import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { suite } from './support/suite.ts';

/**
 * Which modules, packages and parts of Node each module of src/ may import. A folder stands for its files, unless a file
 * of it has a line of its own.
 */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  errors: ['node:util'],
  abi: ['abi', 'errors'],
  libc: ['koffi', 'node:fs', 'node:module', 'node:os', 'abi', 'errors', 'libc'],
  loop: [
    ...['errors', 'libc', 'loop'],
    ...['node:async_hooks', 'node:fs', 'node:net', 'node:timers', 'node:worker_threads'],
  ],
  'socket/aborts': ['node:events'],
  'socket/control': ['abi', 'errors'],
  'socket/wait': ['socket/aborts'],
  'socket/waits': ['libc', 'loop', 'socket/aborts', 'socket/wait', 'node:timers', 'node:worker_threads'],
  'socket/owned-socket': ['abi', 'errors', 'libc', 'socket/waits', 'node:util', 'node:worker_threads'],
  'socket/transfer': ['abi', 'errors', 'libc', 'socket/control'],
  'socket/descriptor-receiver': ['abi', 'errors', 'libc', 'socket/control', 'socket/transfer', 'socket/wait'],
  'socket/descriptor-sender': ['errors', 'libc', 'socket/control', 'socket/transfer'],
  'socket/outgoing-batch': ['errors', 'libc', 'socket/descriptor-sender', 'socket/wait'],
  'socket/made-socket': ['abi'],
  'socket/shared-buffers': ['libc', 'socket/control'],
  'socket/sending': [
    'errors',
    'libc',
    'socket/shared-buffers',
    'socket/transfer',
    'socket/wait',
    'socket/waits',
  ],
  'socket/receiving': ['abi', 'errors', 'libc', 'socket/shared-buffers', 'socket/transfer'],
  'socket/retries': ['libc', 'socket/aborts', 'socket/wait', 'node:timers', 'node:worker_threads'],
  'socket/connecting': ['abi', 'libc', 'socket/retries'],
  'socket/paths': ['abi', 'errors', 'libc', 'node:fs', 'node:path'],
  arguments: ['abi', 'errors', 'socket/receiving', 'node:util'],
  descriptors: ['errors', 'libc', 'node:dgram', 'node:net'],
  endpoint: [
    ...['abi', 'errors', 'libc', 'arguments', 'descriptors'],
    ...['socket/owned-socket', 'socket/shared-buffers', 'socket/transfer', 'socket/wait'],
    ...['socket/descriptor-receiver', 'socket/descriptor-sender', 'socket/outgoing-batch'],
  ],
  'unix-socket': [
    ...['abi', 'errors', 'libc', 'arguments', 'descriptors'],
    ...['socket/owned-socket', 'socket/transfer', 'socket/connecting', 'socket/made-socket', 'socket/paths'],
    ...['socket/receiving', 'socket/retries', 'socket/sending', 'socket/shared-buffers'],
  ],
  'unix-listener': [
    ...['abi', 'errors', 'libc', 'arguments', 'descriptors', 'unix-socket'],
    ...['socket/made-socket', 'socket/owned-socket', 'socket/paths'],
  ],
  stream: [
    ...['errors', 'libc', 'arguments', 'descriptors', 'unix-socket', 'stream'],
    ...['node:stream', 'node:timers'],
  ],
  'unix-stream': [
    ...['errors', 'libc', 'arguments', 'descriptors', 'unix-socket', 'stream', 'node:stream', 'node:timers'],
  ],
  'drop-in': [
    ...['errors', 'libc', 'arguments', 'stream', 'unix-socket', 'unix-listener', 'unix-stream'],
    ...['drop-in', 'node:dgram', 'node:events', 'node:fs', 'node:stream', 'node:timers'],
  ],
  systemd: ['errors', 'libc', 'socket/control', 'arguments', 'descriptors', 'unix-socket'],
  index: [
    ...['abi', 'arguments', 'descriptors', 'endpoint', 'errors'],
    ...['unix-listener', 'unix-socket', 'unix-stream'],
  ],
  cli: ['index', 'cli', 'node:*'],
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
const CALL = /\b(?:import|require(?!Open)\w*|\w*[rR]esolve)\s*\(\s*['"`](?<specifier>[^'"`]+)['"`]/g;

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

/** The module that a file belongs to: the longest name that has a line. */
function moduleOf(target: string): string {
  const name = target.replace(/\.ts$/, '');
  return name in MODULES ? name : name.replace(/\/.*/, '');
}

function allowed(one: Import): boolean {
  const target = targetOf(one);
  const names = MODULES[moduleOf(one.from)] ?? [];
  if (one.specifier.startsWith('.')) return names.includes(moduleOf(target));
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

/** One line for everything that is against the order of the modules. */
function violations(sources: Sources): string[] {
  const files = Object.keys(sources);
  const imports = files.flatMap((file) => importsOf(file, sources[file] as string));
  const edges = new Map(
    files.map((file) => {
      const own = imports.filter(({ from, specifier }) => from === file && specifier.startsWith('.'));
      return [file, own.map(targetOf)];
    }),
  );
  const cycle = cycleIn(edges);
  return [
    ...files.filter((file) => !(moduleOf(file) in MODULES)).map((file) => `${file} is in no module`),
    ...imports.filter((one) => !allowed(one)).map(({ from, specifier }) => `${from} imports ${specifier}`),
    ...imports
      .filter(({ specifier, kind }) => specifier.startsWith('.') && kind === 'called')
      .map(({ from, specifier }) => `${from} imports ${specifier} by a call`),
    ...(cycle ? [`cycle: ${cycle.join(' -> ')}`] : []),
    // Quoted, whatever is done with it; comments may speak of it.
    ...files
      .filter(
        (file) => moduleOf(file) !== 'libc' && /['"`](?:koffi|@koromix)\b/.test(sources[file] as string),
      )
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

suite('the modules of src', (test) => {
  test('imports go one way', () => assert.deepEqual(violations(sourceFiles()), []));

  test('every module is there', () => {
    const modules = new Set(Object.keys(sourceFiles()).map(moduleOf));
    assert.deepEqual([...modules].sort(), Object.keys(MODULES).sort());
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
      [
        ...Array(2).fill({ from: LOADS_KOFFI, specifier: 'koffi', kind: 'called' }),
        // In the text of the helper thread.
        { from: 'loop/thread-watch.ts', specifier: 'node:worker_threads', kind: 'called' },
      ],
    );
  });
});

suite('the checker of the modules', (test) => {
  const cases: readonly [title: string, sources: Sources, expected: readonly string[]][] = [
    [
      'finds nothing where nothing is wrong',
      {
        'errors.ts': "import { inspect } from 'node:util';\n",
        'abi/host.ts': "import { SyscallError } from '../errors.ts';\nimport { linux } from './linux.ts';\n",
        'abi/linux.ts': "import type { Abi } from './abi.ts';\n",
        'abi/abi.ts': '',
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
      { 'arguments.ts': "import type { Libc } from './libc/calls.ts';\n", 'libc/calls.ts': '' },
      ['arguments.ts imports ./libc/calls.ts'],
    ],
    [
      'finds a wrong import over several lines',
      { 'abi/linux.ts': "import {\n  one,\n  type Two,\n} from '../arguments.ts';\n", 'arguments.ts': '' },
      ['abi/linux.ts imports ../arguments.ts'],
    ],
    [
      'finds a wrong re-export',
      {
        'index.ts': "export * from './socket/waits.ts';\nexport { type A, b } from './loop/readiness.ts';\n",
        'socket/waits.ts': '',
        'loop/readiness.ts': '',
      },
      ['index.ts imports ./socket/waits.ts', 'index.ts imports ./loop/readiness.ts'],
    ],
    [
      'finds an import for its effect, and one by a call',
      {
        'errors.ts': "import './arguments.ts';\nawait import('./index.ts');\n",
        'arguments.ts': '',
        'index.ts': '',
      },
      [
        'errors.ts imports ./arguments.ts',
        'errors.ts imports ./index.ts',
        'errors.ts imports ./index.ts by a call',
      ],
    ],
    [
      'finds a part of Node that is not for that module',
      { 'arguments.ts': "import { openSync } from 'node:fs';\n", 'errors.ts': "import fs from 'node:fs';\n" },
      ['arguments.ts imports node:fs', 'errors.ts imports node:fs'],
    ],
    ['finds a package', { 'cli/demo.ts': "import kleur from 'kleur';\n" }, ['cli/demo.ts imports kleur']],
    ['finds a module without a rule', { 'utils.ts': '' }, ['utils.ts is in no module']],
    [
      'finds a cycle within a module',
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
      { 'cli/demo.ts': 'const name = "koffi";\nload(name);\n' },
      ['cli/demo.ts mentions koffi'],
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
