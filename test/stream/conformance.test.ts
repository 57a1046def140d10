import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type Common,
  type Kind,
  Log,
  NET,
  OURS,
  type StreamOptions,
  withFolder,
  withServer,
} from '../support/streams.ts';
import { suite } from '../support/suite.ts';

/** What happens with a stream, and with its peer, which is a net.Socket of a server that does nothing by itself. */
type Scene = (at: {
  readonly connect: (options?: StreamOptions) => { stream: Common; log: Log };
  readonly accepted: () => Promise<Socket>;
  /** Resolves with the stream's end. */
  readonly closed: (stream: Common) => Promise<unknown>;
}) => Promise<void>;

async function play(kind: Kind, scene: Scene): Promise<string[]> {
  return await withServer(async (path, accepted) => {
    const logs: Log[] = [];
    const ends = new Map<Common, Promise<unknown>>();
    await scene({
      accepted,
      connect: (options) => {
        const stream = kind.connect(path, options);
        const log = new Log(stream);
        logs.push(log);
        ends.set(stream, new Promise((resolve) => stream.once('close', resolve)));
        return { stream, log };
      },
      closed: async (stream) => {
        await ends.get(stream);
        await settle();
      },
    });
    return logs.flatMap((log) => log.entries);
  });
}

/** Lets everything happen that can happen by itself. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

const scenes: Readonly<Record<string, Scene>> = {
  'says what it is before, while and after it is connected': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    log.state(stream);
    await once(stream, 'connect');
    log.state(stream);
    const peer = await accepted();
    peer.end('hello');
    log.data(stream);
    await closed(stream);
    log.state(stream);
  },

  'writes before it is connected': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    log.note(
      'write',
      stream.write('one, ', (error) => log.note('written', error ?? 'one')),
    );
    log.note(
      'write',
      stream.write('two, ', (error) => log.note('written', error ?? 'two')),
    );
    log.state(stream);
    stream.end('three', () => log.note('ended'));
    const peer = await accepted();
    let text = '';
    peer.on('data', (chunk) => {
      text += chunk;
    });
    peer.resume();
    await once(peer, 'end');
    log.note(text);
    peer.end();
    log.data(stream);
    await closed(stream);
    log.state(stream);
  },

  'emits end although nobody reads': async ({ connect, accepted, closed }) => {
    const { stream } = connect();
    (await accepted()).end();
    await closed(stream);
  },

  'keeps data for whoever reads late': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    (await accepted()).end('late');
    await once(stream, 'readable');
    log.state(stream);
    log.data(stream);
    await closed(stream);
  },

  'half-open: goes on writing after the peer’s end': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect({ allowHalfOpen: true });
    const peer = await accepted();
    peer.end('question');
    log.data(stream);
    await once(stream, 'end');
    log.note(stream.readyState);
    await settle();
    stream.end('answer', () => log.note('ended'));
    peer.resume();
    await once(peer, 'end');
    await closed(stream);
    log.state(stream);
  },

  'half-open: goes on reading after its own end': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    const peer = await accepted();
    await once(stream, 'ready');
    stream.end('bye');
    log.data(stream);
    peer.resume();
    await once(peer, 'end');
    log.note(stream.readyState);
    peer.end('answer');
    await closed(stream);
    log.state(stream);
  },

  'refuses to write after its end': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    await accepted();
    await once(stream, 'ready');
    stream.end();
    log.note(
      'write',
      stream.write('x', (error) => log.note('callback', error)),
    );
    await closed(stream);
    log.note(
      'write',
      stream.write('x', (error) => log.note('callback', error)),
    );
    await settle();
  },

  'refuses to write after the peer’s end': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    const peer = await accepted();
    stream.resume().once('end', () => {
      process.nextTick(() => {
        log.note(
          'write',
          stream.write('x', (error) => log.note('callback', error)),
        );
        log.note(
          'and a callback in the second place',
          stream.write('x', 'utf8', (error) => log.note('second', error)),
        );
      });
    });
    peer.end();
    await closed(stream);
  },

  'writes to a peer that is gone': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect({ allowHalfOpen: true });
    const peer = await accepted();
    await once(stream, 'ready');
    stream.resume();
    peer.destroy();
    await once(stream, 'end');
    stream.write('x', (error) => log.note('callback', error));
    await closed(stream);
    log.note(stream.readyState);
  },

  'is reset by a peer that closes without having read': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    const peer = await accepted();
    await once(stream, 'ready');
    await new Promise((resolve) => stream.write('unread', resolve));
    peer.destroy();
    await closed(stream);
    log.state(stream);
  },

  'is destroyed while it connects': async ({ connect, closed }) => {
    const { stream, log } = connect();
    stream.write('x', (error) => log.note('written', error));
    stream.destroy();
    log.state(stream);
    await closed(stream);
    log.state(stream);
  },

  'is destroyed while it connects, with an error': async ({ connect, closed }) => {
    const { stream } = connect();
    stream.end('x');
    stream.destroy(Object.assign(new Error('no more'), { code: 'EMINE' }));
    await closed(stream);
  },

  'is destroyed with an error': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    await accepted();
    await once(stream, 'ready');
    stream.destroy(Object.assign(new Error('no more'), { code: 'EMINE' }));
    stream.destroy();
    await closed(stream);
    log.state(stream);
  },

  'destroySoon sends what was written': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    const peer = await accepted();
    const text = 'x'.repeat(1_000_000);
    stream.write(text, (error) => log.note('written', error ?? 'all'));
    stream.destroySoon();
    log.note(stream.readyState);
    let length = 0;
    peer.on('data', (chunk) => {
      length += chunk.length;
    });
    peer.resume();
    await once(peer, 'end');
    await closed(stream);
    log.note(`${length}`);
    log.state(stream);
  },

  'destroySoon of what has ended': async ({ connect, accepted, closed }) => {
    const { stream } = connect();
    await accepted();
    await once(stream, 'ready');
    stream.end();
    await once(stream, 'finish');
    stream.destroySoon();
    await closed(stream);
  },

  'tells when it was idle': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    await accepted();
    await once(stream, 'ready');
    log.note(`${stream.timeout}`);
    log.note(`${stream.setTimeout(5, () => log.note('callback')) === stream} ${stream.timeout}`);
    await once(stream, 'timeout');
    const never = (): void => log.note('never');
    stream.setTimeout(3_600_000, never);
    stream.setTimeout(0, never);
    stream.emit('timeout');
    log.note(`${stream.timeout}`);
    for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
      try {
        stream.setTimeout(bad as number);
      } catch (error) {
        log.note(`${bad}`, error);
      }
    }
    stream.destroy();
    await closed(stream);
    stream.setTimeout(5);
  },

  'corks, and asks to wait for drain': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect({ highWaterMark: 1000 });
    const peer = await accepted();
    await once(stream, 'ready');
    stream.cork();
    stream.cork();
    for (const size of [1, 998, 1, 1])
      log.note(`${stream.write('x'.repeat(size))} ${stream.writableNeedDrain}`);
    log.state(stream);
    stream.uncork();
    log.note(`${stream.writableLength} ${stream.writableCorked}`);
    stream.uncork();
    await once(stream, 'drain');
    log.state(stream);
    let length = 0;
    peer.on('data', (chunk) => {
      length += chunk.length;
    });
    peer.resume();
    stream.end();
    await once(peer, 'end');
    log.note(`${length}`);
    peer.end();
    await closed(stream);
  },

  'paused, stops reading': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    const peer = await accepted();
    let length = 0;
    stream.on('data', (chunk) => {
      length += chunk.length;
    });
    stream.pause();
    let written = false;
    peer.end(Buffer.alloc(5_000_000), () => {
      written = true;
    });
    await settle();
    log.note(`${length} ${written} ${stream.bytesRead < 1_000_000} ${stream.isPaused()}`);
    stream.resume();
    await once(stream, 'end');
    log.note(`${length}`);
    await closed(stream);
    log.state(stream);
  },

  'decodes text': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    const peer = await accepted();
    stream.setEncoding('utf8');
    const [first, second] = [Buffer.from('€').subarray(0, 1), Buffer.from('€').subarray(1)];
    peer.write(first);
    await once(stream, 'ready');
    await settle();
    peer.end(second);
    stream.on('data', (text) => log.note(typeof text, text));
    await closed(stream);
  },

  'writes text in other encodings, and no bytes at all': async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    const peer = await accepted();
    stream.write('616263', 'hex');
    stream.write('', (error) => log.note('nothing', error ?? 'written'));
    stream.write(new Uint8Array([100]));
    (stream as Socket).end('ZQ==', 'base64');
    let text = '';
    peer.on('data', (chunk) => {
      text += chunk;
    });
    peer.resume();
    await once(peer, 'end');
    log.note(text);
    peer.end();
    stream.resume();
    await closed(stream);
  },

  'takes what net.Socket takes for TCP': async ({ connect, closed }) => {
    const { stream, log } = connect();
    log.note(`${stream.setNoDelay(true) === stream} ${stream.setKeepAlive(true, 5) === stream}`);
    log.note(`${stream.ref() === stream} ${stream.unref() === stream} ${stream.ref() === stream}`);
    await once(stream, 'ready');
    log.note(`${stream.ref() === stream} ${stream.unref() === stream}`);
    stream.destroy();
    log.note(`${stream.ref() === stream} ${stream.unref() === stream}`);
    await closed(stream);
  },
};

for (const event of ['connect', 'ready', 'data', 'end', 'finish', 'timeout', 'close'] as const) {
  const name = `is destroyed in the handler of ${event}`;
  const scene: Scene = async ({ connect, accepted, closed }) => {
    const { stream, log } = connect();
    stream.once(event, () => {
      stream.destroy();
      log.note(`in ${event}`);
    });
    if (event === 'finish') stream.end('x');
    if (event === 'timeout') stream.setTimeout(5);
    if (event === 'close') stream.destroy();
    if (event === 'data' || event === 'end') {
      (await accepted()).end('some text');
      log.data(stream);
    }
    await closed(stream);
  };
  (scenes as Record<string, Scene>)[name] = scene;
}

suite('UnixStream does what net.Socket does', (test) => {
  for (const [title, scene] of Object.entries(scenes)) {
    test(title, async () => {
      const expected = await play(NET, scene);
      assert.deepEqual(await play(OURS, scene), expected);
      assert.ok(expected.length > 1, 'the scene has shown something');
    });
  }

  test('an address where nobody listens', async () => {
    await withFolder(async (folder) => {
      const refuses = join(folder, 'refuses');
      writeFileSync(refuses, '');
      for (const path of [join(folder, 'none'), refuses, folder]) {
        const results = [];
        for (const kind of [NET, OURS]) {
          const stream = kind.connect(path);
          const log = new Log(stream);
          stream.write('x', (error) => log.note('written', error));
          const [error] = (await once(stream, 'error')) as [NodeJS.ErrnoException & { address?: string }];
          const { code, errno, syscall, address } = error;
          await once(stream, 'close');
          log.state(stream);
          results.push({ code, errno, syscall, address, log: log.entries });
        }
        assert.deepEqual(results[1], results[0]);
      }
    });
  });

  test('what is no address', () => {
    for (const path of [undefined, null, 5, {}, '']) {
      assert.throws(() => OURS.connect(path as string), { name: 'TypeError' }, `${path}`);
    }
  });
});
