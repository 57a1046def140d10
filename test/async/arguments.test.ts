import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { closeFD, type Endpoint } from '../../src/index.ts';
import {
  assertWorks,
  BAD_RANGE,
  BAD_TYPE,
  FRAMINGS,
  NO_DESCRIPTORS,
  type Refusal,
  withChannel,
} from '../support/channel.ts';
import { openDescriptors, sameFile } from '../support/descriptors.ts';
import { suite } from '../support/suite.ts';
import { assertRejects } from './waits.ts';

const badOptions: [what: string, options: unknown][] = [
  ['null', null],
  ['a number', 1],
  ['a string', 'signal'],
  ['a function', () => {}],
  ['an AbortController for a signal', { signal: new AbortController() }],
  ['null for a signal', { signal: null }],
  ['an EventTarget for a signal', { signal: new EventTarget() }],
  ['something like a signal', { signal: { aborted: false, addEventListener() {} } }],
];

const calls: [name: string, call: (endpoint: Endpoint, options: never) => Promise<unknown>][] = [
  ['sendFDAsync', (endpoint, options) => endpoint.sendFDAsync(0, options)],
  ['recvFDAsync', (endpoint, options) => endpoint.recvFDAsync(options)],
];

const sources: readonly (readonly [unknown, Refusal])[] = [
  ...NO_DESCRIPTORS,
  [{}, BAD_TYPE],
  [{ fd: '3' }, BAD_TYPE],
  [{ fd: -1 }, BAD_RANGE],
];

for (const framing of FRAMINGS) {
  suite(`arguments of the async forms, ${framing}`, (test) => {
    for (const [name, call] of calls) {
      for (const [what, options] of badOptions) {
        test(`${name} rejects ${what}, and does nothing`, () =>
          withChannel(framing, async (a, b) => {
            const before = openDescriptors();
            // It throws nothing: whoever only catches rejections would miss that.
            await assertRejects(call(a, options as never), BAD_TYPE);
            assert.deepEqual(openDescriptors(), before);
            assertWorks(a, b);
          }));
      }
    }

    test('options without a signal are taken', () =>
      withChannel(framing, async (a, b) => {
        for (const options of [undefined, {}, { signal: undefined }]) {
          const received = b.recvFDAsync(options);
          const source = await open(import.meta.filename);
          await a.sendFDAsync(source, options);
          const fd = await received;
          assert.ok(sameFile(fd, source.fd));
          await source.close();
          closeFD(fd);
        }
      }));

    test('sendFDAsync rejects what has no descriptor, and sends nothing', () =>
      withChannel(framing, async (a, b) => {
        for (const [source, refusal] of sources)
          await assertRejects(a.sendFDAsync(source as number), refusal, String(typeof source));
        assertWorks(a, b);
      }));

    test('a bad argument is refused even when the signal has aborted', () =>
      withChannel(framing, async (a) => {
        await assertRejects(a.sendFDAsync(-1, { signal: AbortSignal.abort() }), BAD_RANGE);
      }));
  });
}
