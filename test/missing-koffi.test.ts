import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed, run, SLOW } from './support/installed.ts';
import { suite } from './support/suite.ts';

/** Imports the package, which succeeds, and then uses it twice; says what that came to. */
const APP = `
  const fdchannel = await import('fdchannel');
  const outcomes = [fdchannel.newConnectedSockets, () => new fdchannel.Endpoint(0)].map((use) => {
    try {
      return use();
    } catch (error) {
      const { name, code, message, cause } = error;
      return {
        ...{ name, code, message, isError: error instanceof Error },
        ...{ unsupported: error instanceof fdchannel.UnsupportedPlatformError, cause: cause?.code },
      };
    }
  });
  console.log(JSON.stringify(outcomes));
`;

interface Outcome {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly isError: boolean;
  readonly unsupported: boolean;
  readonly cause?: string;
}

/** Uses the package in a project that has it, and of koffi only what `prepare` puts there. */
async function use(prepare: (modules: string) => void = () => {}): Promise<Outcome[]> {
  const project = await installed();
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-without-koffi-'));
  try {
    const modules = join(folder, 'node_modules');
    cpSync(join(project, 'node_modules/fdchannel'), join(modules, 'fdchannel'), { recursive: true });
    prepare(modules);
    writeFileSync(join(folder, 'app.mjs'), APP);
    const { stdout, stderr } = await run(folder, process.execPath, 'app.mjs');
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Puts a koffi there whose main module is this text. */
function putKoffi(modules: string, text: string): void {
  const folder = join(modules, 'koffi');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "name": "koffi", "main": "index.js" }');
  writeFileSync(join(folder, 'index.js'), text);
}

suite('a project without koffi', (test) => {
  test(
    'imports the package; the first use, and each later one, says that koffi is missing',
    async () => {
      const outcomes = await use();
      assert.equal(outcomes.length, 2);
      for (const { name, code, message, isError, unsupported } of outcomes) {
        assert.deepEqual(
          { name, code, isError, unsupported },
          { name: 'Error', code: 'MODULE_NOT_FOUND', isError: true, unsupported: false },
        );
        assert.match(message, /koffi/);
        assert.match(message, /npm install koffi/);
        assert.doesNotMatch(message, new RegExp(`${process.platform} ${process.arch}|not supported`));
      }
    },
    SLOW,
  );

  test(
    'a koffi that is there, and does not load, is another matter',
    async () => {
      const outcomes = await use((modules) =>
        putKoffi(modules, "throw Object.assign(new Error('wrong ELF class'), { code: 'ERR_DLOPEN_FAILED' })"),
      );
      for (const { code, message, unsupported, cause } of outcomes) {
        assert.deepEqual(
          { code, unsupported, cause },
          { code: 'ERR_FDCHANNEL_UNSUPPORTED_PLATFORM', unsupported: true, cause: 'ERR_DLOPEN_FAILED' },
        );
        assert.ok(message.includes(process.platform) && message.includes(process.arch), message);
        assert.doesNotMatch(message, /npm install/);
      }
    },
    SLOW,
  );

  test(
    'a koffi that misses a module of its own is not said to be missing itself',
    async () => {
      const outcomes = await use((modules) => putKoffi(modules, "require('its-own-part')"));
      for (const { unsupported, cause } of outcomes)
        assert.deepEqual({ unsupported, cause }, { unsupported: true, cause: 'MODULE_NOT_FOUND' });
    },
    SLOW,
  );
});
