import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Framing } from '../../src/abi/abi.ts';
import { closeFD, newEndpoint } from '../../src/index.ts';
import { libc } from '../../src/libc/calls.ts';
import { socketpair } from '../../src/libc/sockets.ts';
import { startProcess } from '../support/processes.ts';
import { skip, suite } from '../support/suite.ts';

/** Peers that know one packet at a time: each sends back on descriptor 3 what it receives there, until the end. */
interface Peer {
  readonly name: string;
  readonly needs: string;
  readonly file: string;
  readonly source: string;
  /** How the program is made of its file; none where it is run as it is. */
  readonly compile?: (file: string, binary: string) => readonly [string, ...string[]];
  readonly run: (file: string, binary: string) => readonly [string, ...string[]];
}

const peers: readonly Peer[] = [
  {
    name: 'C',
    needs: 'cc',
    file: 'peer.c',
    compile: (file, binary) => ['cc', '-o', binary, file],
    run: (_, binary) => [binary],
    source: `
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int argc, char **argv) {
  for (;;) {
    char byte = 1;
    struct iovec iov = { &byte, atoi(argv[1]) };
    union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(int))]; } control;
    struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                              .msg_controllen = CMSG_LEN(sizeof(int)) };
    if (recvmsg(3, &message, 0) < 0) return 2;
    if (message.msg_controllen == 0) return 0;
    if (sendmsg(3, &message, 0) < 0) return 3;
    int fd;
    memcpy(&fd, CMSG_DATA(&control.head), sizeof fd);
    close(fd);
  }
}
`,
  },
  {
    // As gVisor's fdchannel does it: syscall.Sendmsg and syscall.Recvmsg of one descriptor.
    name: 'Go',
    needs: 'go',
    file: 'peer.go',
    compile: (file, binary) => ['go', 'build', '-o', binary, file],
    run: (_, binary) => [binary],
    source: `
package main

import (
	"os"
	"strconv"
	"syscall"
)

func main() {
	size, _ := strconv.Atoi(os.Args[1])
	data, control := make([]byte, size), make([]byte, syscall.CmsgSpace(4))
	for {
		_, n, _, _, err := syscall.Recvmsg(3, data, control[:syscall.CmsgLen(4)], 0)
		if err != nil {
			os.Exit(2)
		}
		if n == 0 {
			return
		}
		messages, err := syscall.ParseSocketControlMessage(control[:n])
		if err != nil {
			os.Exit(3)
		}
		fds, err := syscall.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			os.Exit(4)
		}
		if err := syscall.Sendmsg(3, data, syscall.UnixRights(fds[0]), nil, 0); err != nil {
			os.Exit(5)
		}
		syscall.Close(fds[0])
	}
}
`,
  },
  {
    name: 'Python',
    needs: 'python3 of at least 3.9',
    file: 'peer.py',
    run: (file) => ['python3', file],
    source: `
import os, socket, sys
size = int(sys.argv[1])
s = socket.socket(fileno=3)
while True:
    data, fds, flags, address = socket.recv_fds(s, 1, 1)
    if not fds:
        break
    socket.send_fds(s, [b'x' * size], fds)
    os.close(fds[0])
`,
  },
];

import { range, tagsOf, withTags } from '../support/batches.ts';
import { WITHIN_SECONDS } from '../support/channel.ts';
import { FRAMINGS } from '../support/raw.ts';
import { assertRefused, ENDED } from '../support/refusals.ts';

const COUNT = 200;

async function has(command: string): Promise<boolean> {
  return (await startProcess('sh', ['-c', `command -v ${command}`]).exit).code === 0;
}

async function runs(peer: Peer, framing: Framing): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fdchannel-peer-'));
  try {
    const [file, binary] = [join(folder, peer.file), join(folder, 'peer')];
    writeFileSync(file, peer.source);
    const compiler = peer.compile?.(file, binary);
    if (compiler) {
      const [command, ...args] = compiler;
      const env = { HOME: folder, GOFLAGS: '-mod=mod', GO111MODULE: 'off', GOCACHE: join(folder, 'cache') };
      const { code, stderr } = await startProcess(command, args, { env, timeout: 100_000 }).exit;
      assert.equal(code, 0, stderr);
    }
    await passes(peer.run(file, binary), framing);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function passes([command, ...args]: readonly [string, ...string[]], framing: Framing): Promise<void> {
  const [ours, theirs] = socketpair(libc(), framing);
  const own = newEndpoint(ours);
  try {
    const child = startProcess(command, [...args, framing === 'stream' ? '1' : '0'], { fds: [theirs] });
    closeFD(theirs);
    await withTags(range(1, COUNT), async (...files) => {
      own.sendFDs(files.slice(0, 100), WITHIN_SECONDS);
      await own.sendFDsAsync(files.slice(100));
      const tags: number[] = [];
      while (tags.length < COUNT) {
        tags.push(...tagsOf(tags.length % 2 === 0 ? own.recvFDs(WITHIN_SECONDS) : await own.recvFDsAsync()));
      }
      assert.deepEqual(tags, range(1, COUNT));
      own.shutdown();
      assertRefused(() => own.recvFDs(), ENDED);
    });
    const { code, stderr } = await child.exit;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  } finally {
    own.destroy();
  }
}

suite('many at once, with a peer that knows one packet at a time', (test) => {
  for (const peer of peers) {
    for (const framing of FRAMINGS) {
      test(
        `${peer.name}, ${framing}`,
        async () => {
          if (!(await has(peer.needs.split(' ')[0] as string))) skip(`${peer.needs} is not installed`);
          await runs(peer, framing);
        },
        { timeout: 120_000 },
      );
    }
  }
});
