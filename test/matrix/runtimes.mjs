// Waiting on the event loop, without a test runner, where JavaScript runs: RUNTIME runtimes.mjs INDEX.JS
// Each scenario runs in the main thread and in a worker; what a process does by itself, in a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const SELF = fileURLToPath(import.meta.url);
const [index, name, place] = isMainThread ? process.argv.slice(2) : workerData;
const { closeFD, Endpoint, UnixListener, UnixStream } = await import(pathToFileURL(index));
const file = openSync(SELF, 'r');
const ended = { code: 'ERR_FDCHANNEL_ENDED' };

async function pass([own, peer]) {
  const received = own.recvFDAsync();
  peer.sendFD(file);
  const fd = await received;
  assert.notEqual(fd, file);
  closeFD(fd);
}

/** Sends back what comes, with its descriptors, and ends with its peer. */
function echoes(stream) {
  const fds = [];
  stream.on('fds', (came) => fds.push(...came));
  stream.on('data', (data) => {
    if (!stream.writeWithFds(data, fds.splice(0, 253).map(closedLater))) stream.pause();
  });
  stream.on('drain', () => stream.resume());
}

/** The stream has a duplicate, or has sent it, when the turn is over. */
function closedLater(fd) {
  setImmediate(() => closeFD(fd));
  return fd;
}

/** Writes messages with a descriptor each to a stream that sends them back, one after the other and then all at once. */
async function converse(stream) {
  let bytes = 0;
  let descriptors = 0;
  stream.on('fds', (fds) => {
    descriptors += fds.length;
    for (const fd of fds) closeFD(fd);
  });
  stream.on('data', ({ length }) => {
    bytes += length;
  });
  const came = async (count, length) => {
    while (bytes < length) await once(stream, 'data');
    assert.deepEqual([bytes, descriptors], [length, count]);
  };
  for (let i = 1; i <= 100; i++) {
    stream.writeWithFds('x'.repeat(64), [file]);
    await came(i, 64 * i);
  }
  for (let i = 0; i < 50; i++) stream.writeWithFds(Buffer.alloc(50_000), [file]);
  await came(150, 6400 + 2_500_000);
  stream.end();
  await once(stream, 'end');
}

/** What each does with the two ends of a channel. */
const scenarios = {
  async 'receives that wait'([own, peer]) {
    for (let i = 0; i < 200; i++) await pass(i % 2 === 0 ? [own, peer] : [peer, own]);
    const several = Array.from({ length: 50 }, () => own.recvFDAsync());
    for (let i = 0; i < 50; i++) peer.sendFD(file);
    for (const fd of await Promise.all(several)) closeFD(fd);
  },
  async 'iteration to the end'([own, peer]) {
    let count = 0;
    const iterated = (async () => {
      for await (const fd of own) {
        closeFD(fd);
        count++;
      }
    })();
    for (let i = 0; i < 1000; i++) await peer.sendFDAsync(file);
    peer.shutdown();
    await iterated;
    assert.equal(count, 1000);
  },
  async 'sends through a full queue'([own, peer]) {
    const sends = Array.from({ length: 1000 }, () => own.sendFDAsync(file));
    for (let i = 0; i < 1000; i++) {
      closeFD(await peer.recvFDAsync());
      if (i % 100 === 0) await delay(1);
    }
    await Promise.all(sends);
    assert.equal(peer.tryRecvFD(), undefined);
  },
  async 'an abort'([own, peer]) {
    const controller = new AbortController();
    const received = own.recvFDAsync({ signal: controller.signal });
    await delay(5);
    controller.abort(new Error('mine'));
    await assert.rejects(received, { message: 'mine' });
    await assert.rejects(own.recvFDAsync({ signal: AbortSignal.timeout(5) }), { name: 'TimeoutError' });
    while (own.trySendFD(file));
    await assert.rejects(own.sendFDAsync(file, { signal: AbortSignal.timeout(5) }), { name: 'TimeoutError' });
    for (let fd = peer.tryRecvFD(); fd !== undefined; fd = peer.tryRecvFD()) closeFD(fd);
    await pass([own, peer]);
  },
  async 'the end'([own, peer]) {
    const waits = [own.recvFDAsync(), own.recvFDAsync()];
    const refused = waits.map((wait) => assert.rejects(wait, ended));
    await delay(5);
    peer.destroy();
    await Promise.all(refused);
    await assert.rejects(own.recvFDAsync(), ended);
    await assert.rejects(own.sendFDAsync(file), ended);
  },
  async destroyed([own]) {
    const refused = assert.rejects(own.recvFDAsync(), { code: 'EBADF' });
    await delay(5);
    own.destroy();
    await refused;
  },
  async 'a hundred that wait'([own, peer], type) {
    const all = Array.from({ length: 100 }, () => Endpoint.pair(type));
    const received = all.map(([end]) => end.recvFDAsync());
    const last = own.recvFDAsync();
    await delay(5);
    for (const [, other] of all) other.sendFD(file);
    for (const fd of await Promise.all(received)) closeFD(fd);
    peer.sendFD(file);
    closeFD(await last);
    for (const end of all.flat()) end.destroy();
  },
  async 'a stream of bytes and descriptors'() {
    const [near, far] = UnixStream.pair();
    echoes(far);
    const ends = [near, far].map((stream) => once(stream, 'close'));
    await converse(near);
    for (const [hadError] of await Promise.all(ends)) assert.equal(hadError, false);
  },
  async 'a stream to a path'() {
    const folder = mkdtempSync(join(tmpdir(), 'fdchannel-'));
    const path = join(folder, 'socket');
    const listener = UnixListener.listen(path, { type: 'stream' });
    const serving = (async () => {
      for await (const socket of listener) echoes(new UnixStream(socket));
    })();
    const stream = UnixStream.connect(path);
    await converse(stream);
    listener.destroy();
    await serving;
    rmSync(folder, { recursive: true });
    const [refused] = await once(UnixStream.connect(path), 'error');
    assert.equal(refused.code, 'ENOENT');
  },
  async 'a stream that is destroyed while it waits'() {
    const [near, far] = UnixStream.pair();
    near.writeWithFds(Buffer.alloc(5_000_000), [file]);
    await once(far, 'readable');
    far.destroy();
    const [error] = await once(near, 'error');
    assert.match(error.code, /^(?:EPIPE|ECONNRESET)$/);
    assert.deepEqual([far.takeFds(), near.destroyed], [[], true]);
  },
  async 'timers and others while one never finds its socket empty'([own, peer], type) {
    const other = Endpoint.pair(type);
    let over = false;
    const flooded = (async () => {
      while (!over) closeFD(await own.recvFDAsync());
    })();
    const flooding = (async () => {
      while (!over) await peer.sendFDAsync(file);
    })();
    for (let i = 0; i < 20; i++) {
      await pass(other);
      await delay(1);
    }
    over = true;
    await flooding;
    peer.sendFD(file);
    await flooded;
    for (const end of other) end.destroy();
  },
};

/** What each does in a process, or in a worker, that has to end by itself and with exit code 0. */
const lives = {
  async 'idle endpoints'(channel) {
    await pass(channel);
  },
  'a wait after unref'([own]) {
    own.unref();
    own.recvFDAsync().catch(() => {});
  },
  'unref of a wait'([own]) {
    own.recvFDAsync().catch(() => {});
    own.unref();
  },
  async 'an aborted wait'([own]) {
    await own.recvFDAsync({ signal: AbortSignal.timeout(5) }).catch(() => {});
  },
  'a wait'([own, peer]) {
    received(own);
    sendLater(peer);
  },
  'ref after unref'([own, peer]) {
    own.unref();
    received(own);
    own.ref();
    sendLater(peer);
  },
  async 'a stream to its end'() {
    const [near, far] = UnixStream.pair();
    far.resume();
    near.resume().end('x');
    await once(near, 'close');
  },
  'unref of a stream'() {
    for (const stream of UnixStream.pair()) stream.unref();
  },
  async 'process.exit while something waits'([own]) {
    own.recvFDAsync().catch(() => {});
    await delay(5);
    process.exit(0);
  },
};

/** What a worker does with a socket on which it waits, and leaves open. */
const leavings = {
  'by itself'() {},
  'by process.exit'() {
    process.exit(0);
  },
};

/** A worker ends while it waits. Its peer sees the end when the socket is closed: nothing else of it is open. */
async function leftByWorker(way) {
  const [own, peer] = Endpoint.pair();
  const number = own.detach();
  assert.equal(await inWorker(way, number), 0);
  closeFD(number);
  await assert.rejects(peer.recvFDAsync({ signal: AbortSignal.timeout(5000) }), ended);
  peer.destroy();
}

/** An end before something was received is a failure. */
function received(endpoint) {
  process.exitCode = 1;
  endpoint.recvFDAsync().then((fd) => {
    closeFD(fd);
    process.exitCode = 0;
  });
}

/** Sends from a timer that keeps nothing alive. */
function sendLater(endpoint) {
  setTimeout(() => endpoint.sendFD(file), 100).unref();
}

async function runScenarios() {
  for (const type of ['seqpacket', 'stream']) {
    for (const [title, run] of Object.entries(scenarios)) {
      const channel = Endpoint.pair(type);
      const timer = setTimeout(() => {
        throw new Error(`${title}, ${type}: still running`);
      }, 20_000);
      await run(channel, type);
      clearTimeout(timer);
      for (const endpoint of channel) endpoint.destroy();
    }
  }
}

function inWorker(...data) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: [index, ...data] });
    worker.on('error', reject);
    worker.on('exit', resolve);
  });
}

/** Runs one of the lives in a process of its own, which has to end by itself. */
async function inProcess(life, where) {
  const own = process.versions.deno ? ['run', '-A', '--node-modules-dir=manual'] : [];
  const child = spawn(process.execPath, [...own, SELF, index, life, where], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const outcome = await new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
  clearTimeout(timer);
  assert.equal(outcome, 0, `${life}, in a ${where}: ${outcome}`);
}

if (place === 'worker') {
  process.exitCode = await inWorker(name);
} else if (name === 'scenarios') {
  await runScenarios();
} else if (name !== undefined && name in leavings) {
  const endpoint = new Endpoint(place).unref();
  endpoint.recvFDAsync().catch(() => {});
  setTimeout(leavings[name], 20);
} else if (name !== undefined) {
  await lives[name](Endpoint.pair());
} else {
  await runScenarios();
  assert.equal(await inWorker('scenarios'), 0);
  for (const way of Object.keys(leavings)) await leftByWorker(way);
  for (const life of Object.keys(lives)) {
    for (const where of ['process', 'worker']) await inProcess(life, where);
  }
  const { bun, deno, node } = process.versions;
  const runtime = bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node ${node}`;
  console.log(`${runtime}, ${process.env.FDCHANNEL_LOOP ?? 'its own choice'}: passed`);
}
