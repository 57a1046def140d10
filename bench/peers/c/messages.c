// Messages with data and any number of descriptors, by path, as UnixSocket has them.
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "floor.h"

#define SMALL 64
#define LARGE 65536
#define MOST 253

struct message {
  struct msghdr header;
  struct iovec iov;
  char data[LARGE];
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(MOST * sizeof(int))];
  } control;
};

static struct message outgoing, incoming;
static int descriptors[MOST];
static size_t bytes;
static int count; // of descriptors

static void prepare(struct message *m) {
  m->iov.iov_base = m->data;
  m->header.msg_iov = &m->iov;
  m->header.msg_iovlen = 1;
}

static void start(size_t data, int fds) {
  bytes = data;
  count = fds;
  for (int i = 0; i < fds; i++) descriptors[i] = source;
  prepare(&outgoing);
  prepare(&incoming);
}

static void send_message(void) {
  outgoing.iov.iov_len = bytes;
  if (count > 0) {
    outgoing.header.msg_control = &outgoing.control;
    outgoing.header.msg_controllen = CMSG_LEN(count * sizeof(int));
    outgoing.control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
    outgoing.control.head.cmsg_level = SOL_SOCKET;
    outgoing.control.head.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&outgoing.control.head), descriptors, count * sizeof(int));
  }
  ssize_t sent;
  while ((sent = sendmsg(ends[0], &outgoing.header, MSG_NOSIGNAL)) < 0)
    if (errno != EINTR) fail("sendmsg");
  if ((size_t)sent != bytes) errno = EPROTO, fail("sendmsg");
}

// Receives once, with room for every descriptor that may come, and closes those that come.
static ssize_t receive(int flags) {
  incoming.iov.iov_len = LARGE;
  incoming.header.msg_control = &incoming.control;
  incoming.header.msg_controllen = CMSG_LEN(MOST * sizeof(int));
  ssize_t received;
  while ((received = recvmsg(ends[1], &incoming.header, flags | MSG_CMSG_CLOEXEC)) < 0)
    if (errno != EINTR) fail("recvmsg");
  if (incoming.header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) errno = EPROTO, fail("recvmsg");
  struct cmsghdr *head = CMSG_FIRSTHDR(&incoming.header);
  if (!head) return received;
  if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) errno = EPROTO, fail("recvmsg");
  int fds[MOST];
  size_t size = head->cmsg_len - CMSG_LEN(0);
  memcpy(fds, CMSG_DATA(head), size);
  for (size_t i = 0; i < size / sizeof(int); i++) close_fd(fds[i]);
  return received;
}

static void exchange(void) {
  send_message();
  for (size_t left = bytes; left > 0;) left -= receive(0);
}

// Data alone may go by a call without a header. It receives as before: who knows what comes.
static void exchange_by_send(void) {
  ssize_t sent;
  while ((sent = send(ends[0], outgoing.data, bytes, MSG_NOSIGNAL)) < 0)
    if (errno != EINTR) fail("send");
  if ((size_t)sent != bytes) errno = EPROTO, fail("send");
  for (size_t left = bytes; left > 0;) left -= receive(0);
}

static void exchange_by_epoll(void) {
  send_message();
  if (wait_by_epoll(ends[1]) != ends[1]) errno = EPROTO, fail("epoll_wait");
  receive(MSG_DONTWAIT);
}

static void start_message(void) { start(SMALL, 1); }
static void start_data(void) { start(SMALL, 0); }
static void start_many(void) { start(SMALL, MOST); }
static void start_large(void) { start(LARGE, 0); }

static struct sockaddr_un name;
static socklen_t name_length;
static int listener;

static void start_connect(void) {
  name.sun_family = AF_UNIX;
  int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "fdchannel-bench-%d", getpid());
  name_length = offsetof(struct sockaddr_un, sun_path) + 1 + length;
  listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  if (bind(listener, (struct sockaddr *)&name, name_length) < 0) fail("bind");
  if (listen(listener, 511) < 0) fail("listen");
}

static void connect_and_accept(void) {
  int near = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (near < 0) fail("socket");
  if (connect(near, (struct sockaddr *)&name, name_length) < 0) fail("connect");
  int far = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (far < 0) fail("accept4");
  close_fd(near);
  close_fd(far);
}

const struct operation message_operations[] = {
  {"message", SOCK_SEQPACKET, 0, exchange, NULL, NULL, start_message},
  {"message-epoll", SOCK_SEQPACKET, 0, exchange_by_epoll, NULL, NULL, start_message},
  {"data", SOCK_SEQPACKET, 0, exchange, NULL, NULL, start_data},
  {"data-send", SOCK_SEQPACKET, 0, exchange_by_send, NULL, NULL, start_data},
  {"many", SOCK_SEQPACKET, 0, exchange, NULL, NULL, start_many},
  {"large", SOCK_SEQPACKET, 0, exchange, NULL, NULL, start_large},
  {"large-stream", SOCK_STREAM, 0, exchange, NULL, NULL, start_large},
  {"connect", SOCK_SEQPACKET, 0, connect_and_accept, NULL, NULL, start_connect},
  {NULL, 0, 0, NULL, NULL, NULL, NULL},
};
