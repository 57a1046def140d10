import assert from 'node:assert/strict';
import koffi from 'koffi';

/** Sockets in states in which no function of this package makes them (the numbers of Linux, asm-generic/socket.h). */

const [AF_UNIX, SOL_SOCKET, SO_SNDBUF] = [1, 1, 7];
const TYPES = { stream: 1, dgram: 2, seqpacket: 5 } as const;
const SOCK_CLOEXEC = 0o2000000;

const c = koffi.load(null);
const socket = c.func('int socket(int domain, int type, int protocol)');
const bind = c.func('int bind(int sockfd, const void *addr, uint32_t addrlen)');
const listen = c.func('int listen(int sockfd, int backlog)');
const setsockopt = c.func('int setsockopt(int fd, int level, int name, const int *value, uint32_t length)');

/** A Unix socket that is connected to nothing, owned by the caller. */
export function unconnected(type: keyof typeof TYPES): number {
  const fd = socket(AF_UNIX, TYPES[type] | SOCK_CLOEXEC, 0);
  assert.ok(fd >= 0, 'socket(2) makes one');
  return fd;
}

/** The same with a name, an abstract one that the kernel chooses. */
export function bound(type: keyof typeof TYPES): number {
  const fd = unconnected(type);
  const family = Buffer.from(Uint16Array.of(AF_UNIX).buffer);
  assert.equal(bind(fd, family, family.length), 0);
  return fd;
}

/** The same, waiting for connections. */
export function listening(type: 'stream' | 'seqpacket'): number {
  const fd = bound(type);
  assert.equal(listen(fd, 1), 0);
  return fd;
}

/** Gives a socket the largest room for what it sends that an unprivileged user may have. */
export function growSendBuffer(sockfd: number): void {
  assert.equal(setsockopt(sockfd, SOL_SOCKET, SO_SNDBUF, [2 ** 30], 4), 0);
}
