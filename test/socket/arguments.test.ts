import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { closeFD } from '../../src/index.ts';
import { assertWorks, withChannel } from '../support/channel.ts';
import { openDescriptors, sameFile } from '../support/descriptors.ts';
import { type End, PASSERS } from '../support/ends.ts';
import { temporaryFile } from '../support/files.ts';
import { givings } from '../support/forms.ts';
import {
  assertRejects,
  BAD_RANGE,
  BAD_TYPE,
  closed,
  NO_DESCRIPTORS,
  type Refusal,
} from '../support/refusals.ts';
import { suite } from '../support/suite.ts';

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

const calls: [name: string, call: (end: End, options: never) => Promise<unknown>][] = [
  ['sendAsync', (end, options) => end.sendAsync(0, options)],
  ['receiveAsync', (end, options) => end.receiveAsync(options)],
];

/** Objects without a descriptor. */
const objects: [source: unknown, refusal: Refusal][] = [
  [{}, BAD_TYPE],
  [{ fd: '3' }, BAD_TYPE],
  [{ fd: null }, BAD_TYPE],
  [{ fd: -1 }, BAD_RANGE],
  [{ fd: 0.5 }, BAD_RANGE],
  [new Socket(), BAD_TYPE],
  [createServer(), BAD_TYPE],
];

for (const kind of PASSERS) {
  suite(`what is sent, as an argument, ${kind.name}`, (test) => {
    for (const { form, assertRefuses } of givings(kind)) {
      test(`${form} refuses what has no descriptor, and sends nothing`, () =>
        withChannel(kind, async (a, b) => {
          for (const [source, refusal] of [...NO_DESCRIPTORS, ...objects])
            await assertRefuses(a, source, refusal);
          assertWorks(a, b);
        }));

      test(`${form} refuses a descriptor that is not open`, () =>
        withChannel(kind, async (a, b) => {
          const number = temporaryFile();
          closeFD(number);
          await assertRefuses(a, number, closed('sendmsg'));
          assertWorks(a, b);
        }));

      test(`${form} refuses an end that was destroyed, which has no descriptor`, () =>
        withChannel(kind, (a, b) =>
          withChannel(kind, async (c) => {
            c.destroy();
            await assertRefuses(a, c, BAD_RANGE);
            assertWorks(a, b);
          }),
        ));

      test(`${form} refuses a bad argument before the kernel is asked`, () =>
        withChannel(kind, async (a) => {
          a.shutdown();
          // The kernel's answer to any send would be another one.
          await assertRefuses(a, 0, kind.ended.send);
          for (const [source, refusal] of NO_DESCRIPTORS) await assertRefuses(a, source, refusal);
        }));
    }
  });

  suite(`options of the async forms, ${kind.name}`, (test) => {
    for (const [name, call] of calls) {
      for (const [what, options] of badOptions) {
        test(`${name} rejects ${what}, and does nothing`, () =>
          withChannel(kind, async (a, b) => {
            const before = openDescriptors();
            // It throws nothing: whoever only catches rejections would miss that.
            await assertRejects(call(a, options as never), BAD_TYPE);
            assert.deepEqual(openDescriptors(), before);
            assertWorks(a, b);
          }));
      }
    }

    test('options without a signal are taken', () =>
      withChannel(kind, async (a, b) => {
        for (const options of [undefined, {}, { signal: undefined }]) {
          const received = b.receiveAsync(options);
          const source = await open(import.meta.filename);
          await a.sendAsync(source, options);
          const fd = await received;
          assert.ok(sameFile(fd, source.fd));
          await source.close();
          closeFD(fd);
        }
      }));

    test('a bad argument is refused even when the signal has aborted', () =>
      withChannel(kind, async (a) => {
        await assertRejects(a.sendAsync(-1, { signal: AbortSignal.abort() }), BAD_RANGE);
      }));
  });
}
