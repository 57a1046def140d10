import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, ROOT, run, SLOW } from './support/installed.ts';
import { suite } from './support/suite.ts';

const PROGRAM = `
  import { closeFD, Endpoint, newConnectedSockets, newEndpoint, type SocketType } from 'fdchannel';

  // Two, and not perhaps two, though noUncheckedIndexedAccess is on.
  const [a, b] = Endpoint.pair();
  a.sendFD(0);
  closeFD(b.recvFD());
  const pair: [Endpoint, Endpoint] = Endpoint.pair('stream');
  const type: SocketType = pair[0].type;
  const sent: boolean = a.trySendFD(0);
  a.sendFD(0, { timeout: 5 });
  for await (const fd of b.descriptors({ signal: AbortSignal.timeout(5) })) closeFD(fd);
  const [ours, theirs] = newConnectedSockets();
  export const endpoints: [Endpoint, Endpoint] = [newEndpoint(ours), new Endpoint(theirs)];
  export { sent, type };

  // @ts-expect-error: there is no third
  pair[2];
  // @ts-expect-error: an endpoint needs a connection
  Endpoint.pair('tcp');
  // @ts-expect-error: its type is its socket's
  a.type = 'stream';
  // @ts-expect-error: a blocking form has no signal
  a.recvFD({ signal: AbortSignal.timeout(5) });
  // @ts-expect-error: nor has a blocking send
  a.sendFD(0, { signal: AbortSignal.timeout(5) });
  // @ts-expect-error: an Async form has no timeout
  a.recvFDAsync({ timeout: 5 });
  // @ts-expect-error: nor has an Async send
  a.sendFDAsync(0, { timeout: 5 });
`;

suite('types under the strictest options', (test) => {
  test(
    'a pair is two endpoints, and each form takes its own options only',
    async () => {
      const folder = await installed();
      writeFileSync(join(folder, 'strictest.mts'), PROGRAM);
      const compilerOptions = {
        ...{ module: 'nodenext', target: 'es2022', noEmit: true, skipLibCheck: false },
        ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
        ...{ typeRoots: [join(ROOT, 'node_modules/@types')], types: ['node'] },
      };
      const project = join(folder, 'tsconfig.strictest.json');
      writeFileSync(project, JSON.stringify({ compilerOptions, files: ['strictest.mts'] }));
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const { stdout } = await run(folder, process.execPath, tsc, '-p', project);
      assert.equal(stdout, '');
    },
    SLOW,
  );
});
