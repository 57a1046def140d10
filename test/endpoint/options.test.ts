import assert from 'node:assert/strict';
import { closeFD, type Endpoint } from '../../src/index.ts';
import { assertRejects, drain, turns } from '../async/waits.ts';
import {
  assertReceives,
  FRAMINGS,
  type Refusal,
  temporaryFile,
  withChannel,
  withDescriptors,
} from '../support/channel.ts';
import { suite } from '../support/suite.ts';

const REFUSED: Refusal = [TypeError, 'ERR_INVALID_ARG_VALUE'];

type Call = (own: Endpoint, options: object | undefined, file: number) => unknown;

/** The forms that take options, and those of each. */
const forms: [form: string, option: 'timeout' | 'signal', call: Call][] = [
  ['recvFD', 'timeout', (own, options) => own.recvFD(options)],
  ['sendFD', 'timeout', (own, options, file) => own.sendFD(file, options)],
  ['recvFDAsync', 'signal', (own, options) => own.recvFDAsync(options)],
  ['sendFDAsync', 'signal', (own, options, file) => own.sendFDAsync(file, options)],
  ['descriptors', 'signal', async (own, options) => (await own.descriptors(options).next()).value],
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

for (const framing of FRAMINGS) {
  suite(`options of the other forms, ${framing}`, (test) => {
    for (const [form, takes, call] of forms) {
      const [option, values, says] = foreign[takes];

      test(`${form} refuses a ${option}, says so, and does nothing`, () =>
        withChannel(framing, (own, peer) =>
          withDescriptors([temporaryFile()], async (file) => {
            peer.sendFD(file);
            for (const value of values) {
              for (const options of [{ [option]: value }, { [option]: value, [takes]: undefined }]) {
                const outcome = (async () => call(own, options, file))();
                await assertRejects(outcome, REFUSED, `${form} with ${option} ${String(value)}`);
                await assert.rejects(outcome, says);
              }
            }
            await turns();
            assertReceives(own, file);
            assert.deepEqual(drain(peer), []);
          }),
        ));

      test(`${form} takes a ${option} that is undefined, and options that nobody knows`, () =>
        withChannel(framing, (own, peer) =>
          withDescriptors([temporaryFile()], async (file) => {
            const all = [undefined, {}, { [option]: undefined }, { other: 5 }, { [takes]: undefined }];
            for (const options of all) {
              peer.sendFD(file);
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
      withChannel(framing, async (own, peer) => {
        const timeout: object = { timeout: 5 };
        peer.sendFD(0);
        await assertRejects(own.recvFDAsync(timeout), REFUSED);
        await assertRejects(own.sendFDAsync(0, timeout), REFUSED);
      }));
  });
}
