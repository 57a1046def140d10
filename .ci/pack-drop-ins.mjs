// Packs the packages that stand in the place of usocket and unix-dgram in other projects' dependency trees:
//   node .ci/pack-drop-ins.mjs FOLDER
// Each is a name for a subpath of fdchannel of the same version: npm's overrides take packages, and no subpaths.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { version, license, engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

const DROP_INS = ['usocket', 'unix-dgram'];

function readme(original) {
  return `# fdchannel-${original}

[fdchannel](https://www.npmjs.com/package/fdchannel)'s \`${original}\`, by a name that can stand in the original's place.
In package.json:

\`\`\`json
"overrides": { "${original}": "npm:fdchannel-${original}@${version}" }
\`\`\`
`;
}

function filesOf(original) {
  const manifest = {
    name: `fdchannel-${original}`,
    version,
    description: `${original} without a compiler: fdchannel/${original} by a name for overrides`,
    license,
    main: 'index.js',
    types: 'index.d.ts',
    engines,
    dependencies: { fdchannel: version },
  };
  return {
    'package.json': `${JSON.stringify(manifest, null, 2)}\n`,
    'index.js': `module.exports = require('fdchannel/${original}');\n`,
    'index.d.ts': `export * from 'fdchannel/${original}';\n`,
    'README.md': readme(original),
  };
}

const destination = resolve(process.argv[2] ?? '.');
mkdirSync(destination, { recursive: true });
for (const original of DROP_INS) {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-drop-in-'));
  try {
    for (const [name, text] of Object.entries(filesOf(original))) writeFileSync(join(folder, name), text);
    copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
    const options = ['--silent', '--dry-run=false', '--pack-destination', destination];
    const packed = execFileSync('npm', ['pack', ...options], { cwd: folder, encoding: 'utf8' });
    console.log(join(destination, packed.trim()));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
