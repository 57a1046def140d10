// The floor: the same system calls from C. Speaks the protocol of bench/README.md.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "floor.h"

#define CHUNK 200 // fewer packets than a socket holds

struct message {
  struct msghdr header;
  struct iovec iov;
  char byte;
  union {
    struct cmsghdr head;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
};

static struct message outgoing, incoming;
int ends[2];
int source;
static int received[CHUNK];

void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static void prepare(struct message *m, size_t data) {
  m->iov.iov_base = &m->byte;
  m->iov.iov_len = data;
  m->header.msg_iov = data ? &m->iov : NULL;
  m->header.msg_iovlen = data ? 1 : 0;
  m->header.msg_control = &m->control;
  m->header.msg_controllen = CMSG_LEN(sizeof(int));
  m->control.head.cmsg_len = CMSG_LEN(sizeof(int));
  m->control.head.cmsg_level = SOL_SOCKET;
  m->control.head.cmsg_type = SCM_RIGHTS;
}

static void open_channel(int type) {
  if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) fail("socketpair");
  prepare(&outgoing, type == SOCK_STREAM);
  prepare(&incoming, type == SOCK_STREAM);
  source = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (source < 0) fail("open");
}

static void send_fd(int sockfd, int fd) {
  memcpy(CMSG_DATA(&outgoing.control.head), &fd, sizeof fd);
  while (sendmsg(sockfd, &outgoing.header, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) fail("sendmsg");
}

// A descriptor; -1 where it would block; -2 at the end of the channel.
static int recv_fd(int sockfd, int flags) {
  incoming.header.msg_controllen = CMSG_LEN(sizeof(int));
  while (recvmsg(sockfd, &incoming.header, flags | MSG_CMSG_CLOEXEC) < 0) {
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) fail("recvmsg");
  }
  if (incoming.header.msg_controllen == 0 && !(incoming.header.msg_flags & MSG_CTRUNC)) return -2;
  struct cmsghdr *head = CMSG_FIRSTHDR(&incoming.header);
  if (!head || head->cmsg_len != CMSG_LEN(sizeof(int)) || head->cmsg_level != SOL_SOCKET ||
      head->cmsg_type != SCM_RIGHTS || incoming.header.msg_flags & MSG_CTRUNC) {
    errno = EPROTO;
    fail("recvmsg");
  }
  int fd;
  memcpy(&fd, CMSG_DATA(head), sizeof fd);
  return fd;
}

void close_fd(int fd) {
  if (close(fd) < 0) fail("close");
}

static void pass(void) {
  send_fd(ends[0], source);
  close_fd(recv_fd(ends[1], 0));
}

// Many packets by one system call each way; as many passes are done when their last one is asked for.
#define MOST_AT_ONCE 256
static int at_once = 1;
static struct message many_out[MOST_AT_ONCE], many_in[MOST_AT_ONCE];
static struct mmsghdr out_headers[MOST_AT_ONCE], in_headers[MOST_AT_ONCE];

static void prepare_many(void) {
  if (at_once > MOST_AT_ONCE) errno = EINVAL, fail("at once");
  for (int i = 0; i < at_once; i++) {
    prepare(&many_out[i], 0);
    prepare(&many_in[i], 0);
    out_headers[i].msg_hdr = many_out[i].header;
    in_headers[i].msg_hdr = many_in[i].header;
  }
}

static void send_many(void) {
  for (int i = 0; i < at_once; i++) memcpy(CMSG_DATA(&many_out[i].control.head), &source, sizeof source);
  for (int sent = 0; sent < at_once;) {
    int n = sendmmsg(ends[0], out_headers + sent, at_once - sent, MSG_NOSIGNAL);
    if (n > 0) sent += n;
    else if (errno != EINTR) fail("sendmmsg");
  }
}

static int receive_many(int fds[]) {
  int n;
  for (int i = 0; i < at_once; i++) in_headers[i].msg_hdr.msg_controllen = CMSG_LEN(sizeof(int));
  while ((n = recvmmsg(ends[1], in_headers, at_once, MSG_CMSG_CLOEXEC | MSG_WAITFORONE, NULL)) < 0)
    if (errno != EINTR) fail("recvmmsg");
  for (int i = 0; i < n; i++) {
    struct msghdr *header = &in_headers[i].msg_hdr;
    struct cmsghdr *head = CMSG_FIRSTHDR(header);
    if (!head || head->cmsg_len != CMSG_LEN(sizeof(int)) || head->cmsg_level != SOL_SOCKET ||
        head->cmsg_type != SCM_RIGHTS || header->msg_flags & MSG_CTRUNC) {
      errno = EPROTO;
      fail("recvmmsg");
    }
    memcpy(&fds[i], CMSG_DATA(head), sizeof(int));
  }
  return n;
}

// Runs of consecutive numbers by close_range(2), by its number: headers may be older than the kernel.
static void close_many(const int fds[], int count) {
  for (int i = 0, next; i < count; i = next) {
    for (next = i + 1; next < count && fds[next] == fds[i] + next - i;) next++;
    if (next - i == 1) close_fd(fds[i]);
    else if (syscall(SYS_close_range, fds[i], fds[next - 1], 0) < 0) fail("close_range");
  }
}

static void pass_many(void) {
  static int asked;
  if (++asked < at_once) return;
  asked = 0;
  int fds[MOST_AT_ONCE];
  send_many();
  for (int left = at_once; left > 0;) {
    int n = receive_many(fds);
    close_many(fds, n);
    left -= n;
  }
}

static void would_block(void) {
  if (recv_fd(ends[1], MSG_DONTWAIT) != -1) fail("recvmsg");
}

// Looks first, and waits in poll(2) where nothing is there.
static int recv_fd_by_poll(int sockfd, int flags) {
  int fd;
  while ((fd = recv_fd(sockfd, flags | MSG_DONTWAIT)) == -1) {
    struct pollfd wait = {.fd = sockfd, .events = POLLIN};
    if (poll(&wait, 1, -1) < 0 && errno != EINTR) fail("poll");
  }
  return fd;
}

// As an event loop does it: each socket is registered once, and epoll(7) says which one is ready.
static int watched = -1;

static void watch(int sockfd) {
  if (watched < 0 && (watched = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
  struct epoll_event event = {.events = EPOLLIN, .data.fd = sockfd};
  if (epoll_ctl(watched, EPOLL_CTL_ADD, sockfd, &event) < 0) fail("epoll_ctl");
}

int wait_by_epoll(int sockfd) {
  if (watched < 0) watch(sockfd);
  struct epoll_event ready;
  while (epoll_wait(watched, &ready, 1, -1) < 0)
    if (errno != EINTR) fail("epoll_wait");
  return ready.data.fd;
}

// As the library does it on Node's loop: the loop's instance watches one that watches the socket.
static void pass_by_nested_epoll(void) {
  static int outer = -1;
  if (outer < 0) {
    watch(ends[1]);
    if ((outer = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(outer, EPOLL_CTL_ADD, watched, &event) < 0) fail("epoll_ctl");
  }
  send_fd(ends[0], source);
  struct epoll_event ready;
  while (epoll_wait(outer, &ready, 1, -1) < 0)
    if (errno != EINTR) fail("epoll_wait");
  close_fd(recv_fd(ends[1], MSG_DONTWAIT));
}

static int recv_fd_by_epoll(int sockfd, int flags) {
  int fd;
  do {
    if (wait_by_epoll(sockfd) != sockfd) errno = EPROTO, fail("epoll_wait");
  } while ((fd = recv_fd(sockfd, flags | MSG_DONTWAIT)) == -1);
  return fd;
}

static void pass_by_epoll(void) {
  send_fd(ends[0], source);
  close_fd(recv_fd_by_epoll(ends[1], 0));
}

// Many sockets are watched, and one after the other becomes ready, by a step that is prime to their count.
#define STRIDE 7919
static int sockets = 1, (*pairs)[2];

static void watch_many(void) {
  if (!(pairs = malloc(sockets * sizeof *pairs))) fail("malloc");
  for (int i = 0; i < sockets; i++) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pairs[i]) < 0) fail("socketpair");
    watch(pairs[i][1]);
  }
}

static void wake(void) {
  static int at;
  at = (at + STRIDE) % sockets;
  send_fd(pairs[at][0], source);
  close_fd(recv_fd_by_epoll(pairs[at][1], 0));
}

static int (*recv_here)(int, int) = recv_fd; // in a round trip, on both sides

static void round_trip(void) {
  send_fd(ends[0], source);
  close_fd(recv_here(ends[0], 0));
}

// Where the bench wants the far end to run, if it cares.
static void confine_far_end(void) {
  const char *processor = getenv("FDCHANNEL_BENCH_FAR_PROCESSOR");
  if (!processor) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(atoi(processor), &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) fail("sched_setaffinity");
}

static void start_echo(void) {
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(ends[0]);
    confine_far_end();
    for (int fd; (fd = recv_here(ends[1], 0)) >= 0; close_fd(fd)) send_fd(ends[1], fd);
    _exit(0);
  }
  close(ends[1]);
}

static void start_poll_echo(void) {
  recv_here = recv_fd_by_poll;
  start_echo();
}

static void start_epoll_echo(void) {
  recv_here = recv_fd_by_epoll;
  start_echo();
}

static void *sleep_for_ever(void *unused) {
  for (;;) pause();
  return unused;
}

// The kernel does more for each call on a descriptor when threads share the table of descriptors.
static void start_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0) fail("pthread_create");
}

static int at;
static void send_one(void) { send_fd(ends[0], source); }
static void receive_one(void) { received[at++] = recv_fd(ends[1], 0); }
static void close_one(void) { close_fd(received[at++]); }
static void rewind_chunk(int count) { (void)count; at = 0; }
static void fill(int count) { for (at = 0; count-- > 0;) send_one(); }
static void fetch(int count) { for (at = 0; at < count;) receive_one(); at = 0; }
static void fill_and_fetch(int count) { fill(count); fetch(count); }
static void clear(int count) { for (at = 0; at < count;) close_one(); }
static void fetch_and_clear(int count) { fetch(count); clear(count); }

static const struct operation operations[] = {
  {"pass", SOCK_SEQPACKET, 0, pass, NULL, NULL, NULL},
  {"pass-stream", SOCK_STREAM, 0, pass, NULL, NULL, NULL},
  {"pass-epoll", SOCK_SEQPACKET, 0, pass_by_epoll, NULL, NULL, NULL},
  {"pass-nested", SOCK_SEQPACKET, 0, pass_by_nested_epoll, NULL, NULL, NULL},
  {"pass-many", SOCK_SEQPACKET, 0, pass_many, NULL, NULL, prepare_many},
  {"send", SOCK_SEQPACKET, CHUNK, send_one, NULL, fetch_and_clear, NULL},
  {"receive", SOCK_SEQPACKET, CHUNK, receive_one, fill, clear, NULL},
  {"close", SOCK_SEQPACKET, CHUNK, close_one, fill_and_fetch, rewind_chunk, NULL},
  {"would-block", SOCK_SEQPACKET, 0, would_block, NULL, NULL, NULL},
  {"wake", SOCK_SEQPACKET, 0, wake, NULL, NULL, watch_many},
  {"round-trip", SOCK_SEQPACKET, 0, round_trip, NULL, NULL, start_echo},
  {"round-trip-poll", SOCK_SEQPACKET, 0, round_trip, NULL, NULL, start_poll_echo},
  {"round-trip-epoll", SOCK_SEQPACKET, 0, round_trip, NULL, NULL, start_epoll_echo},
  {NULL, 0, 0, NULL, NULL, NULL, NULL},
};

static const struct operation *find(const struct operation *op, const char *name) {
  while (op->name && strcmp(op->name, name) != 0) op++;
  return op->name ? op : NULL;
}

// An operation's name may end in the number of sockets that are watched, or of packets at once, and in "-threaded".
static const struct operation *start(char *name) {
  char *last = strrchr(name, '-');
  if (last && strcmp(last, "-threaded") == 0) {
    start_thread();
    *last = '\0';
    last = strrchr(name, '-');
  }
  if (last && atoi(last + 1) > 0) {
    sockets = at_once = atoi(last + 1);
    *last = '\0';
  }
  const struct operation *op = find(operations, name);
  if (!op && !(op = find(message_operations, name))) errno = EINVAL, fail(name);
  open_channel(op->type);
  if (op->start) op->start();
  return op;
}

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void answer(const struct operation *op, long count, int each) {
  long long total = 0, *times = each ? malloc(count * sizeof *times) : NULL;
  if (each && !times) fail("malloc");
  for (long done = 0; done < count;) {
    int size = op->chunk && count - done > op->chunk ? op->chunk : (int)(count - done);
    if (op->before) op->before(size);
    if (each) {
      for (int i = 0; i < size; i++) {
        long long start = now();
        op->run();
        times[done + i] = now() - start;
      }
    } else {
      long long start = now();
      for (int i = 0; i < size; i++) op->run();
      total += now() - start;
    }
    if (op->after) op->after(size);
    done += size;
  }
  if (!each) printf("%lld", total);
  for (long i = 0; times && i < count; i++) printf("%s%lld", i ? " " : "", times[i]);
  putchar('\n');
  fflush(stdout);
  free(times);
}

int main(void) {
  const struct operation *op = NULL;
  char verb[8], name[32];
  long count;
  while (scanf("%7s %31s %ld", verb, name, &count) == 3) {
    if (!op) op = start(name);
    answer(op, count, strcmp(verb, "each") == 0);
  }
  return 0;
}
