import assert from 'node:assert/strict';
import { withBus } from '../support/bus.ts';
import { assertEnded } from '../support/named.ts';
import { NPM, projectOf, SLOW } from '../support/projects.ts';
import { suite } from '../support/suite.ts';
import { withRecipes } from './recipes.ts';

suite('the recipe for D-Bus', (test) => {
  test(
    'dbus-native receives a descriptor from logind, which learns that it was closed',
    () =>
      withBus('dbus-login.py', async (path, login) => {
        const project = await projectOf({ manager: NPM, dependencies: { 'dbus-native': '0.16.1' } });
        await withRecipes(async (start) => {
          const program = start('inhibit.mjs', { env: { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path}` } });
          assert.equal(await login.line(), 'taken: sleep example a backup block');
          await assertEnded(program, 'no sleep until this pipe is closed: true\n');
          assert.equal(await login.line(), 'closed');
        }, project);
      }),
    SLOW,
  );
});
