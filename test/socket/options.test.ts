import assert from 'node:assert/strict';
import { closeFD } from '../../src/index.ts';
import { assertReceives, drain, withChannel } from '../support/channel.ts';
import { type End, PASSERS } from '../support/ends.ts';
import { temporaryFile, withDescriptors } from '../support/files.ts';
import { assertRejects, BAD_VALUE } from '../support/refusals.ts';
import { suite } from '../support/suite.ts';
import { turns } from '../support/waits.ts';

type Call = (own: End, options: object | undefined, file: number) => unknown;

/** The forms that take options, and those of each. */
const forms: [form: string, option: 'timeout' | 'signal', call: Call][] = [
  ['receive', 'timeout', (own, options) => own.receive(options)],
  ['send', 'timeout', (own, options, file) => own.send(file, options)],
  ['receiveAsync', 'signal', (own, options) => own.receiveAsync(options)],
  ['sendAsync', 'signal', (own, options, file) => own.sendAsync(file, options)],
  ['iterate', 'signal', async (own, options) => (await own.iterate(options).next()).value],
];

/** What the other kind of form takes, and what is said of it here. */
const foreign = {
  timeout: [
    'signal',
    [new AbortController().signal, AbortSignal.abort(), null, 5],
    /^TypeError: "options\.signal": expected .*\bthe Async form\b/,
  ],
  signal: [
    'timeout',
    [0, 5, -1, null, '5'],
    /^TypeError: "options\.timeout": expected .*\bthe blocking form\b/,
  ],
} as const;

for (const kind of PASSERS) {
  suite(`options of the other forms, ${kind.name}`, (test) => {
    for (const [form, takes, call] of forms) {
      const [option, values, says] = foreign[takes];

      test(`${form} refuses a ${option}, says so, and does nothing`, () =>
        withChannel(kind, (own, peer) =>
          withDescriptors([temporaryFile()], async (file) => {
            peer.send(file);
            for (const value of values) {
              for (const options of [{ [option]: value }, { [option]: value, [takes]: undefined }]) {
                const outcome = (async () => call(own, options, file))();
                await assertRejects(outcome, BAD_VALUE, `${form} with ${option} ${String(value)}`);
                await assert.rejects(outcome, says);
              }
            }
            await turns();
            assertReceives(own, file);
            assert.deepEqual(drain(peer), []);
          }),
        ));

      test(`${form} takes a ${option} that is undefined, and options that nobody knows`, () =>
        withChannel(kind, (own, peer) =>
          withDescriptors([temporaryFile()], async (file) => {
            const all = [undefined, {}, { [option]: undefined }, { other: 5 }, { [takes]: undefined }];
            for (const options of all) {
              peer.send(file);
              const received = await call(own, options, file);
              if (typeof received === 'number') closeFD(received);
            }
            const sends = form.startsWith('send');
            assert.equal(drain(peer).length, sends ? all.length : 0);
            assert.equal(drain(own).length, sends ? all.length : 0);
          }),
        ));
    }

    test('an Async form rejects, and does not throw', () =>
      withChannel(kind, async (own, peer) => {
        const timeout: object = { timeout: 5 };
        peer.send(0);
        await assertRejects(own.receiveAsync(timeout), BAD_VALUE);
        await assertRejects(own.sendAsync(0, timeout), BAD_VALUE);
      }));
  });
}
